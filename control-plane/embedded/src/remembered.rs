//! How far back it is remembered which points there were, so that none counts twice: for as long as points are taken, or for less where
//! there is no room for more.

use std::{collections::BTreeMap, mem};

use control_plane_model::{cumulative::REACH_NS, metrics::TAKEN_FOR, rollup::HOUR};
use rusqlite::{Connection, OptionalExtension, params};

use crate::failure::Failure;

const NANOSECONDS: i64 = 1_000_000_000;
/// How far a point reaches back, in hours.
const REACH: i64 = REACH_NS / NANOSECONDS / HOUR;
/// How long points are remembered where there is room: as long as they are taken, and as far as they reach back.
const KEPT: i64 = TAKEN_FOR + 2 * HOUR;
/// Bytes of a row, beside its body: measured at 25 for a point without one, and rounded up.
const ROW: usize = 32;
/// The name under which `progress` has the first hour that is remembered.
const SINCE: &str = "points remembered since";

/// The points that are remembered, by hours since 1970, so that a repeated point can be recognised.
#[derive(Debug)]
pub(crate) struct PointMemory {
    /// What was before this hour has been forgotten for want of room.
    since: i64,
    has_room: bool,
    /// Bytes that a commit brings, about.
    brought: BTreeMap<i64, usize>,
}

impl Default for PointMemory {
    fn default() -> Self {
        Self { since: i64::MIN, has_room: true, brought: BTreeMap::new() }
    }
}

impl PointMemory {
    pub(crate) fn load(connection: &Connection) -> Result<Self, Failure> {
        let mut select = connection.prepare_cached("SELECT value FROM progress WHERE name = ?1")?;
        let since: Option<i64> = select.query_row([SINCE], |row| row.get(0)).optional()?;
        Ok(Self { since: since.unwrap_or(i64::MIN), ..Self::default() })
    }

    /// Whether a point of this hour can be told from one that was there before, and what it adds from what its sender counted before.
    pub(crate) fn takes(&self, hour: i64) -> bool {
        self.has_room && hour.saturating_sub(REACH) >= self.since
    }

    /// Notes that a point of this hour is remembered.
    pub(crate) fn add(&mut self, hour: i64) {
        *self.brought.entry(hour).or_default() += ROW;
    }

    /// Notes that the sender's counts are remembered too, which takes this many bytes.
    pub(crate) fn add_count(&mut self, hour: i64, bytes: usize) {
        // Pages are two thirds full where rows come in any order.
        *self.brought.entry(hour).or_default() += ROW + bytes * 3 / 2;
    }

    /// Writes what was noted.
    pub(crate) fn finish(&mut self, connection: &Connection) -> Result<(), Failure> {
        let sql = "INSERT INTO metric_remembered (hour, bytes) VALUES (?1, ?2)
                   ON CONFLICT (hour) DO UPDATE SET bytes = bytes + excluded.bytes";
        let mut insert = connection.prepare_cached(sql)?;
        for (hour, bytes) in mem::take(&mut self.brought) {
            insert.execute(params![hour, i64::try_from(bytes).unwrap_or(i64::MAX)])?;
        }
        Ok(())
    }

    /// Forgets the oldest hours until the rest has so many bytes. The present hour, the one before it and what these reach back to are
    /// remembered in any case: where they have more, no points are taken until they have less.
    pub(crate) fn forget(&mut self, connection: &Connection, most: u64, now: i64) -> Result<(), Failure> {
        let gone = |since: i64| {
            connection.prepare_cached("DELETE FROM metric_remembered WHERE hour < ?1")?.execute([since])?;
            Ok::<_, Failure>(())
        };
        gone(self.first(now))?;
        let mut select = connection.prepare_cached("SELECT hour, bytes FROM metric_remembered ORDER BY hour")?;
        let hours = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let hours: Vec<(i64, i64)> = hours.collect::<Result<_, _>>()?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let mut bytes: i64 = hours.iter().map(|(_, bytes)| bytes).sum();
        let last = now.div_euclid(HOUR) - 1 - REACH;
        for (hour, of_hour) in hours.into_iter().take_while(|(hour, _)| *hour < last) {
            if bytes <= most {
                break;
            }
            bytes -= of_hour;
            self.since = hour + 1;
            let sql = "INSERT OR REPLACE INTO progress (name, value) VALUES (?1, ?2)";
            connection.prepare_cached(sql)?.execute(params![SINCE, self.since])?;
        }
        self.has_room = bytes <= most;
        gone(self.first(now))
    }

    /// The first hour that is remembered.
    pub(crate) fn first(&self, now: i64) -> i64 {
        self.since.max((now - KEPT).div_euclid(HOUR))
    }

    /// Whether hours are forgotten before their time.
    pub(crate) fn is_short_of_room(&self, now: i64) -> bool {
        self.since > (now - KEPT).div_euclid(HOUR)
    }
}
