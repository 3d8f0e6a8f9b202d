-- Which share of each tenant's requests failed from one time up to another? Worst first. Requests and failures as seen; the
-- rate of those they stand for. Parameters: from, to, both on five minutes.
SELECT
    tenant,
    argMax(tier, bucket) AS latest_tier,
    sum(requests) AS seen,
    sum(failed) AS seen_failed,
    sum(weighted_failed) / sum(weight) AS error_rate
FROM request_cells
WHERE bucket >= {from:DateTime('UTC')} AND bucket < {to:DateTime('UTC')} AND tenant != ''
GROUP BY tenant
ORDER BY error_rate DESC, tenant;
