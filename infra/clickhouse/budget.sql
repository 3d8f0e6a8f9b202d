-- How much of its 30-day error budget has each tenant of a tier burnt, and what is left? Of the requests there were, so many were
-- allowed to fail. The window begins with the hour that the moment 30 days ago lies in. Parameters: at, the end of the last
-- five minutes; tier; allowed, the share that may fail: 0.001 for a target of 99.9 %. A tenant with an objective of its own
-- is asked for with its own share.
SELECT
    tenant,
    sum(requests) AS seen,
    sum(failed) AS seen_failed,
    sum(weight) * {allowed:Float64} AS may_fail,
    sum(weighted_failed) AS consumed,
    may_fail - consumed AS remaining,
    if(may_fail > 0, consumed / may_fail, NULL) AS burnt
FROM request_cells
WHERE bucket >= toStartOfHour({at:DateTime('UTC')} - INTERVAL 30 DAY) AND bucket < {at:DateTime('UTC')}
    AND tenant != '' AND tier = {tier:String}
GROUP BY tenant
ORDER BY burnt DESC, tenant;
