-- Of the traces of some time those with spans, or senders of spans, that hold what an attribute holds: how many rows the trace has, in how
-- many of them a span and a sender do so, and one of each.
SELECT trace_id, count() AS all, countIf(of_span) AS spans, anyIf(body, of_span), countIf(of_sender) AS senders, anyIf(resource, of_sender)
FROM
(
    SELECT trace_id, body, resource, $of_span AS of_span, $of_sender AS of_sender
    FROM spans
    WHERE bucket >= toDateTime({first:UInt32}, 'UTC') AND bucket <= toDateTime({last:UInt32}, 'UTC')
)
GROUP BY trace_id
HAVING spans > 0 OR senders > 0
