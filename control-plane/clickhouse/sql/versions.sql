-- The versions that were first seen in a window, in the order of time.
SELECT toString(service), toString(account), toString(attribute), version, toInt64(toUnixTimestamp(min(seen))) AS first_seen
FROM versions
GROUP BY service, account, attribute, version
HAVING first_seen >= {from:Int64} AND first_seen < {to:Int64}
ORDER BY first_seen, service, account, attribute, version
