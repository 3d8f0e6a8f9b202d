-- Requests of a user, newest first, with the trace that each leads to.
-- Parameters: first and last day ('2026-11-26'), the user as logs name them: a pseudonym, or the id with LOG_TENANT=plain.
WITH lines AS (
  SELECT account, service, written_ms, message
  FROM batches
  CROSS JOIN UNNEST(logevents) AS event (id, written_ms, message)
  WHERE day BETWEEN ? AND ?
)
SELECT
  from_unixtime(written_ms / 1e3) AS written_at,
  account,
  service,
  json_extract_scalar(message, '$["http.request.method"]') AS method,
  json_extract_scalar(message, '$["http.route"]') AS route,
  CAST(json_extract_scalar(message, '$["http.response.status_code"]') AS INTEGER) AS status,
  CAST(json_extract_scalar(message, '$.duration_ms') AS DOUBLE) AS duration_ms,
  json_extract_scalar(message, '$.trace_id') AS trace_id
FROM lines
WHERE json_extract_scalar(message, '$.message') = 'request served'
  AND coalesce(json_extract_scalar(message, '$["enduser.pseudo.id"]'), json_extract_scalar(message, '$["enduser.id"]')) = ?
ORDER BY written_ms DESC
