-- Requests of a user, newest first, with the trace that each leads to.
-- Parameters: first and last day ('2026-11-26'), the user as logs name them: a pseudonym, or the id with LOG_TENANT=plain.
-- A plain id that is a mail address is masked before it comes here, and not found. A line that was delivered twice is there once.
WITH requests AS (
  SELECT DISTINCT account, service, id, written_ms, message
  FROM batches
  CROSS JOIN UNNEST(logevents) AS event (id, written_ms, message)
  WHERE day BETWEEN ? AND ? AND json_extract_scalar(message, '$.message') = 'request served'
    AND coalesce(json_extract_scalar(message, '$["enduser.pseudo.id"]'), json_extract_scalar(message, '$["enduser.id"]')) = ?
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
FROM requests
ORDER BY written_ms DESC, id
