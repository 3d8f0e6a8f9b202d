-- Who was turned away (401, 403, 404, 429), by API, route, status and reason, most often first; the tenant where a function had verified it.
-- Parameters: first and last day ('2026-11-26').
-- The count is that of API Gateway's access log, which has every request; without AccessLogs there is none. Tenant and reason are those of the
-- invocation that answered, by the id that Lambda gave it: whoever was refused before has no tenant, whatever trace, request id or token they sent.
-- A line that was delivered twice counts once.
WITH lines AS (
  SELECT DISTINCT account, service, id, written_ms, message
  FROM batches
  CROSS JOIN UNNEST(logevents) AS event (id, written_ms, message)
  WHERE day BETWEEN ? AND ?
    AND (json_extract_scalar(message, '$.status') IN ('401', '403', '404', '429') OR json_extract_scalar(message, '$.message') = 'request served')
),
answers AS (
  SELECT
    account,
    service,
    written_ms,
    json_extract_scalar(message, '$.xray_trace_id') AS trace,
    nullif(json_extract_scalar(message, '$.invocation_id'), '-') AS invocation,
    json_extract_scalar(message, '$.method') AS method,
    json_extract_scalar(message, '$.route') AS route,
    json_extract_scalar(message, '$.status') AS status,
    nullif(json_extract_scalar(message, '$.error'), '-') AS gateway_reason
  FROM lines
  WHERE json_extract_scalar(message, '$.status') IS NOT NULL
),
served AS (
  SELECT
    account,
    json_extract_scalar(message, '$["faas.invocation_id"]') AS invocation,
    max(coalesce(json_extract_scalar(message, '$["tenant.alias"]'), json_extract_scalar(message, '$["tenant.id"]'))) AS tenant,
    max(json_extract_scalar(message, '$["problem.code"]')) AS function_reason
  FROM lines
  WHERE json_extract_scalar(message, '$.message') = 'request served'
  GROUP BY 1, 2
)
SELECT
  answers.account,
  answers.service,
  answers.method,
  answers.route,
  answers.status,
  coalesce(served.function_reason, answers.gateway_reason) AS reason,
  served.tenant,
  count(*) AS requests,
  from_unixtime(min(answers.written_ms) / 1e3) AS first_at,
  from_unixtime(max(answers.written_ms) / 1e3) AS last_at,
  max(answers.trace) AS one_trace
FROM answers
LEFT JOIN served ON served.account = answers.account AND served.invocation = answers.invocation
GROUP BY 1, 2, 3, 4, 5, 6, 7
ORDER BY requests DESC, 1, 2, 3, 4, 5, 6, 7
