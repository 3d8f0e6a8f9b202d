-- What was measured in each step; histograms of other bounds stand apart. What some do not say, as the least of them, nobody knows of all.
SELECT place, sum(count) AS n, sum(sum) AS total, if(count(least) = count(), min(least), NULL) AS lowest,
    if(count(greatest) = count(), max(greatest), NULL) AS highest, bounds, sumForEach(buckets) AS by_bucket
FROM ($points)
WHERE NOT is_cumulative
GROUP BY place, bounds
ORDER BY place, bounds
