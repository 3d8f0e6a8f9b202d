-- Requests, errors and latency by service and tenant, slowest first, from the functions' own lines: exact, by the nearest rank.
-- Parameters: first and last day ('2026-11-26').
-- A line that was delivered twice counts once.
WITH lines AS (
  SELECT DISTINCT account, service, id, message
  FROM batches
  CROSS JOIN UNNEST(logevents) AS event (id, written_ms, message)
  WHERE day BETWEEN ? AND ? AND json_extract_scalar(message, '$.message') = 'request served'
),
requests AS (
  SELECT
    service,
    coalesce(json_extract_scalar(message, '$["tenant.alias"]'), json_extract_scalar(message, '$["tenant.id"]')) AS tenant,
    CAST(json_extract_scalar(message, '$["http.response.status_code"]') AS INTEGER) AS status,
    CAST(json_extract_scalar(message, '$.duration_ms') AS DOUBLE) AS duration_ms
  FROM lines
),
ranked AS (
  SELECT
    service,
    tenant,
    status,
    duration_ms,
    row_number() OVER (PARTITION BY service, tenant ORDER BY duration_ms) AS place,
    count(*) OVER (PARTITION BY service, tenant) AS n
  FROM requests
  WHERE tenant IS NOT NULL AND duration_ms IS NOT NULL
)
SELECT
  service,
  tenant,
  count(*) AS requests,
  count(*) FILTER (WHERE status >= 500) AS errors,
  min(duration_ms) FILTER (WHERE place * 100 >= n * 50) AS p50_ms,
  min(duration_ms) FILTER (WHERE place * 100 >= n * 99) AS p99_ms,
  max(duration_ms) AS slowest_ms
FROM ranked
GROUP BY service, tenant
ORDER BY p99_ms DESC, service, tenant
