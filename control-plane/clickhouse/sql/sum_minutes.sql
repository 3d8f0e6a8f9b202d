-- From now on these are the sums of some minutes that count, and those of their hours and days no longer do.
INSERT INTO sums
SELECT DISTINCT wide, toDateTime(intDiv(minute, wide) * wide, 'UTC'), {version:UInt64}, if(wide = 60, {version:UInt64}, 0)
FROM (SELECT arrayJoin({minutes:Array(UInt32)}) AS minute)
ARRAY JOIN [toUInt32(60), toUInt32(3600), toUInt32(86400)] AS wide
