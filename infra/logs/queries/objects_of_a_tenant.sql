-- The objects with a tenant's lines, for whoever has to erase them; with how many of their lines are the tenant's.
-- Parameters: first and last day ('2026-11-26'), the tenant as logs name it: its alias, or its id with LOG_TENANT=plain.
SELECT
  "$path" AS object,
  count(*) AS lines,
  min(written_ms) AS first_ms,
  max(written_ms) AS last_ms
FROM batches
CROSS JOIN UNNEST(logevents) AS event (id, written_ms, message)
WHERE day BETWEEN ? AND ?
  AND coalesce(json_extract_scalar(message, '$["tenant.alias"]'), json_extract_scalar(message, '$["tenant.id"]')) = ?
GROUP BY 1
ORDER BY object
