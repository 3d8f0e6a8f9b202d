-- Which of some annotations a trace of a window has.
SELECT DISTINCT arrayJoin(arrayFilter(name -> has({names:Array(String)}, name), annotation_names))
FROM traces FINAL
WHERE bucket >= toDateTime({from:UInt32}, 'UTC') AND bucket < toDateTime({to:UInt32}, 'UTC')
    AND spans > 0 AND start_ns >= {from_ns:Int64} AND start_ns < {to_ns:Int64}
    AND ({tenant:Nullable(String)} IS NULL OR has(words, sipHash64('tenant', assumeNotNull({tenant:Nullable(String)}))))
    AND (NOT {alone:Bool} OR length(tenants) = 1)
