-- Every line of a trace over all accounts, oldest first: the functions', API Gateway's and Lambda's own.
-- Parameters: first and last day ('2026-11-26'), trace id (32 digits, the second part of a traceparent).
-- Without its dashes X-Ray's form of the id has those digits in it as well. API Gateway's line is missing where the caller brought a trace of its
-- own and X-Ray's was not sampled: it knows its own alone. A line that was delivered twice is there once.
WITH lines AS (
  SELECT DISTINCT account, service, id, written_ms, message
  FROM batches
  CROSS JOIN UNNEST(logevents) AS event (id, written_ms, message)
  WHERE day BETWEEN ? AND ? AND strpos(replace(message, '-', ''), ?) > 0
)
SELECT
  from_unixtime(written_ms / 1e3) AS written_at,
  account,
  service,
  json_extract_scalar(message, '$.level') AS level,
  json_extract_scalar(message, '$.message') AS said,
  message
FROM lines
ORDER BY written_ms, id
