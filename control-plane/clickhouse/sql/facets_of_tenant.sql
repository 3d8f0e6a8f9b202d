-- What a tenant's requests named on the latest day that has any of them, and the day before.
WITH (SELECT toStartOfDay(max(start)) FROM cells WHERE together = 0 AND tenant = {tenant:String}) AS latest
SELECT
    [{tenant:String}] AS tenants,
    arraySort(groupUniqArrayIf(toString(tier), tier != '')) AS tiers,
    arraySort(groupUniqArrayIf(toString(account), account != '')) AS accounts,
    arraySort(groupUniqArray(toString(service))) AS services
FROM cells
WHERE together = 0 AND tenant = {tenant:String} AND tenant != '' AND start >= latest - INTERVAL 1 DAY
