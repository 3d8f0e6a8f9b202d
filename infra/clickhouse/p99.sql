-- How long did each tenant's requests take, from one time up to another? Nearest rank over weighted requests, answered with the
-- geometric middle of the bin it falls into: off by at most 2^(1/16) - 1 = 4.43 %. Parameters: from, to, both on five minutes;
-- quantile, 0.99 for p99.
WITH
    bins AS
    (
        SELECT tenant, bin, sum(weight) AS of_bin
        FROM request_cells
        WHERE bucket >= {from:DateTime('UTC')} AND bucket < {to:DateTime('UTC')} AND tenant != ''
        GROUP BY tenant, bin
    ),
    ranked AS
    (
        SELECT
            tenant,
            bin,
            sum(of_bin) OVER (PARTITION BY tenant ORDER BY bin ROWS UNBOUNDED PRECEDING) AS up_to,
            sum(of_bin) OVER (PARTITION BY tenant) AS of_all
        FROM bins
    )
SELECT tenant, exp2((min(bin) + 0.5) / 8) / 1e6 AS quantile_ms
FROM ranked
WHERE up_to >= {quantile:Float64} * of_all
GROUP BY tenant
ORDER BY quantile_ms DESC, tenant;
