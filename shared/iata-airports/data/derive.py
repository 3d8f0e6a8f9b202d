"""Derives airports.csv from the airportsdata package (see README.md): python3 derive.py <unpacked wheel>/airportsdata/airports.csv"""

import csv
import sys
from pathlib import Path

COLUMNS = ("iata", "name", "city", "country", "lat", "lon")

with open(sys.argv[1], encoding="utf-8", newline="") as source:
    rows = sorted((row for row in csv.DictReader(source) if row["iata"]), key=lambda row: row["iata"])

codes = [row["iata"] for row in rows]
assert len(codes) == len(set(codes)), "an IATA code names one airport"
assert all(len(code) == 3 and code.isascii() and code.isalpha() and code.isupper() for code in codes)
assert all(abs(float(row["lat"])) <= 90 and abs(float(row["lon"])) <= 180 for row in rows)

with open(Path(__file__).with_name("airports.csv"), "w", encoding="utf-8", newline="") as target:
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        text = [" ".join(row[column].split()) for column in ("iata", "name", "city", "country")]
        writer.writerow([*text, f"{float(row['lat']):.5f}", f"{float(row['lon']):.5f}"])
print(len(codes), "airports")
