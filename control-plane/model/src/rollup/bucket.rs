//! The buckets of time that sums are kept by.

/// Seconds.
pub const MINUTE: i64 = 60;
/// Seconds.
pub const HOUR: i64 = 3_600;
/// Seconds.
pub const DAY: i64 = 86_400;

/// The start of the bucket that `time` falls into, Unix seconds: minutes for two days, five minutes for eight, hours for
/// thirty-five. `None` for what is older, and so counted no more.
pub fn bucket(time: i64, now: i64) -> Option<i64> {
    let width = match now - time {
        age if age < 2 * DAY => MINUTE,
        age if age < 8 * DAY => 5 * MINUTE,
        age if age < 35 * DAY => HOUR,
        _ => return None,
    };
    Some(time.div_euclid(width) * width)
}

/// The start of the day, UTC.
pub fn day(time: i64) -> i64 {
    time.div_euclid(DAY) * DAY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_widen_with_age() {
        let now = 1_800_000_000;
        assert_eq!(bucket(now - 61, now), Some((now - 61).div_euclid(60) * 60));
        assert_eq!(bucket(now - 3 * DAY - 7, now).map(|start| start % 300), Some(0));
        assert_eq!(bucket(now - 20 * DAY - 7, now).map(|start| start % 3_600), Some(0));
        assert_eq!(bucket(0, now), None);
        assert_eq!(bucket(now + 30, now), Some(now.div_euclid(60) * 60));
    }
}
