//! Dates as filesystems that are older than Unix write them.

/// A date in the Gregorian calendar.
pub(super) struct Date {
    pub(super) year: u16,
    /// From 1.
    pub(super) month: u16,
    /// From 1.
    pub(super) day: u16,
    pub(super) hour: u16,
    pub(super) minute: u16,
    pub(super) second: u16,
}

impl Date {
    /// Seconds since 1970 in its own time zone; `None` where there is no such month or day.
    pub(super) fn seconds(&self) -> Option<i64> {
        if !(1..=12).contains(&self.month) || !(1..=31).contains(&self.day) {
            return None;
        }
        // Days since 1970 in the proleptic Gregorian calendar, with years that begin in March, so that a
        // leap day is the last of its year.
        let shifted = i64::from(self.month).checked_add(9)?.checked_rem(12)?;
        let years = i64::from(self.year).checked_sub(i64::from(self.month <= 2))?;
        let leap_days = (years / 4)
            .checked_sub(years / 100)?
            .checked_add(years / 400)?;
        let day_of_year = shifted.checked_mul(153)?.checked_add(2)? / 5;
        let days = years
            .checked_mul(365)?
            .checked_add(leap_days)?
            .checked_add(day_of_year)?
            .checked_add(i64::from(self.day))?
            .checked_sub(719_469)?;
        let seconds = i64::from(self.hour)
            .checked_mul(60)?
            .checked_add(i64::from(self.minute))?
            .checked_mul(60)?
            .checked_add(i64::from(self.second))?;
        days.checked_mul(86_400)?.checked_add(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_unix_times() {
        let at = |year, month, day, hour| {
            let (minute, second) = (0, 0);
            Date {
                year,
                month,
                day,
                hour,
                minute,
                second,
            }
            .seconds()
        };
        assert_eq!(at(1980, 1, 1, 0), Some(315_532_800));
        assert_eq!(at(2000, 2, 29, 12), Some(951_825_600));
        assert_eq!(at(2024, 3, 1, 0), Some(1_709_251_200));
        assert_eq!(at(2107, 12, 31, 0), Some(4_354_732_800));
        assert_eq!(at(2024, 0, 1, 0), None);
        assert_eq!(at(2024, 13, 1, 0), None);
        assert_eq!(at(2024, 1, 0, 0), None);
    }
}
