-- Who was turned away, by API, route, status and reason, most often first; the tenant where a function had verified it.
-- Parameters: first and last day ('2026-11-26').
-- The count is that of API Gateway's access log, which has every request. Whoever was refused before a function knew them has no tenant:
-- what an unverified token says names nobody.
WITH lines AS (
  SELECT account, service, written_ms, message, json_extract_scalar(message, '$.xray_trace_id') AS trace
  FROM batches
  CROSS JOIN UNNEST(logevents) AS event (id, written_ms, message)
  WHERE day BETWEEN ? AND ?
),
answers AS (
  SELECT
    account,
    service,
    written_ms,
    trace,
    json_extract_scalar(message, '$.method') AS method,
    json_extract_scalar(message, '$.route') AS route,
    json_extract_scalar(message, '$.status') AS status,
    json_extract_scalar(message, '$.error') AS gateway_reason
  FROM lines
  WHERE json_extract_scalar(message, '$.status') IN ('401', '403', '404', '429')
),
served AS (
  SELECT
    account,
    trace,
    max(coalesce(json_extract_scalar(message, '$["tenant.alias"]'), json_extract_scalar(message, '$["tenant.id"]'))) AS tenant,
    max(coalesce(json_extract_scalar(message, '$.problem'), json_extract_scalar(message, '$.error'))) AS function_reason
  FROM lines
  WHERE trace IS NOT NULL AND json_extract_scalar(message, '$.status') IS NULL
  GROUP BY account, trace
)
SELECT
  answers.account,
  answers.service,
  answers.method,
  answers.route,
  answers.status,
  coalesce(served.function_reason, nullif(answers.gateway_reason, '-')) AS reason,
  served.tenant,
  count(*) AS requests,
  from_unixtime(min(answers.written_ms) / 1e3) AS first_at,
  from_unixtime(max(answers.written_ms) / 1e3) AS last_at,
  max(answers.trace) AS one_trace
FROM answers
LEFT JOIN served ON served.account = answers.account AND served.trace = answers.trace
GROUP BY 1, 2, 3, 4, 5, 6, 7
ORDER BY requests DESC, 1, 2, 3, 4, 5, 6, 7
