-- What was used on each of some days by service: by each of the tenants that are named, and by all others together.
SELECT
    toInt64(toUnixTimestamp(toStartOfDay(start))) AS day, if(has({named:Array(String)}, tenant), toString(tenant), NULL) AS whose,
    toString(service) AS of_service, sum(weight) AS w, sum(weighted_duration_ns) AS d
FROM cells
WHERE together = 0 AND (has({named:Array(String)}, tenant) OR {others:Bool})
    AND start >= toDateTime({from:UInt32}, 'UTC') AND start < toDateTime({to:UInt32}, 'UTC')
    AND (width, start, version) IN
    (
        SELECT width, start, version
        FROM counted(from = {from:UInt32}, to = {to:UInt32}, hours_to = {to:UInt32}, days_to = {to:UInt32})
    )
GROUP BY day, whose, of_service
