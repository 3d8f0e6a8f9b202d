-- From now on, these are the sums that count.
INSERT INTO minutes SELECT toDateTime(arrayJoin({minutes:Array(UInt32)}), 'UTC'), {version:UInt64}
