-- Lines of a list, for the traces that are named first.
SELECT
    lower(hex(trace_id)) AS id, concat('1-', left(id, 8), '-', substring(id, 9)) AS xray_id, root, root_service,
    arraySort(arrayDistinct(service_names)) AS services,
    arraySort(arrayDistinct(arrayFilter(name -> name != '', service_accounts))) AS accounts, arraySort(tenants) AS served,
    toUInt64(spans), bitTest(flags, 0), bitTest(flags, 1), bitTest(flags, 2), bitTest(flags, 3), start_ns, end_ns - start_ns
FROM traces FINAL
WHERE (bucket, trace_id) IN
($first)
ORDER BY multiIf({order:String} = 'slowest', end_ns - start_ns, {order:String} = 'spans', toInt64(spans), start_ns) DESC, start_ns DESC, trace_id DESC
