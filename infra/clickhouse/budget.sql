-- How much of its 30-day error budget has each tenant of a tier burnt at the end of the window, and what is left? Of the requests there were,
-- so many were allowed to fail. The thirty days end with the last whole five minutes, and begin with the hour that the moment 30 days before
-- lies in. Variables: tier; allowed, the share that may fail: 0.001 for a target of 99.9 %. A tenant with an objective of its own is asked
-- for with its own share.
SELECT
    tenant,
    sum(requests) AS seen,
    sum(failed) AS seen_failed,
    sum(weight) * ${allowed} AS may_fail,
    sum(weighted_failed) AS consumed,
    may_fail - consumed AS remaining,
    if(may_fail > 0, consumed / may_fail, NULL) AS burnt
FROM cells
WHERE together = 0 AND tenant != '' AND tier = ${tier:singlequote}
    AND start >= toStartOfHour(toStartOfFiveMinutes($__toTime) - INTERVAL 30 DAY) AND start < toStartOfFiveMinutes($__toTime)
    AND (width, start, version) IN
    (
        SELECT width, start, version
        FROM counted(
            from = toUnixTimestamp(toStartOfHour(toStartOfFiveMinutes($__toTime) - INTERVAL 30 DAY)), to = toUnixTimestamp(toStartOfFiveMinutes($__toTime)),
            hours_to = toUnixTimestamp(toStartOfFiveMinutes($__toTime)), days_to = toUnixTimestamp(toStartOfFiveMinutes($__toTime)))
    )
GROUP BY tenant
ORDER BY burnt DESC, tenant
