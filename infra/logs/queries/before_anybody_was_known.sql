-- What was refused before anybody was known, by API, status, reason and network, most often first: by API Gateway or its firewall, or by a function with 401.
-- Parameters: first and last day ('2026-11-26').
-- From API Gateway's access log; without AccessLogs there is none. Nothing that a token says is in it, and of the address the network alone comes to rest.
-- A line that was delivered twice counts once.
WITH lines AS (
  SELECT DISTINCT account, service, id, written_ms, message
  FROM batches
  CROSS JOIN UNNEST(logevents) AS event (id, written_ms, message)
  WHERE day BETWEEN ? AND ?
    AND json_extract_scalar(message, '$.status') BETWEEN '400' AND '499'
    AND json_extract_scalar(message, '$.integration_status') IS NOT NULL
),
refused AS (
  SELECT
    account,
    service,
    written_ms,
    json_extract_scalar(message, '$.status') AS status,
    nullif(json_extract_scalar(message, '$.error'), '-') AS reason,
    nullif(json_extract_scalar(message, '$.address'), '-') AS network
  FROM lines
  WHERE json_extract_scalar(message, '$.integration_status') = '-' OR json_extract_scalar(message, '$.status') = '401'
)
SELECT
  account,
  service,
  status,
  coalesce(reason, status) AS reason,
  network,
  count(*) AS requests,
  from_unixtime(min(written_ms) / 1e3) AS first_at,
  from_unixtime(max(written_ms) / 1e3) AS last_at
FROM refused
GROUP BY 1, 2, 3, 4, 5
ORDER BY requests DESC, 1, 2, 3, 4, 5
