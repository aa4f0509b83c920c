//! What was measured, and whether it is good enough.

use serde::Serialize;

use super::targets::{Goal, Target};

/// A measurement beside its floor, in several rounds that alternated.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    /// The group that it belongs to.
    pub(crate) group: &'static str,
    /// What was measured.
    pub(crate) name: String,
    /// On which database; empty where none takes part.
    pub(crate) database: String,
    /// With how many connections; 0 where that does not say anything.
    pub(crate) connections: u32,
    /// What it is measured against, in words.
    pub(crate) against: String,
    /// The unit of `floor` and `subject`.
    pub(crate) unit: &'static str,
    /// What the floor did in each round; empty where the target is absolute.
    pub(crate) floor: Vec<f64>,
    /// What the subject did in each round.
    pub(crate) subject: Vec<f64>,
    /// Half of the calls were answered within this, in milliseconds.
    pub(crate) p50_ms: Option<f64>,
    /// 99 of 100 calls were answered within this, in milliseconds.
    pub(crate) p99_ms: Option<f64>,
    /// The number that is wanted of it, if one is.
    pub(crate) goal: Option<Goal>,
    /// What is wanted of [`value`](Self::value).
    pub(crate) target: Target,
    /// What there is to be known about it.
    pub(crate) note: String,
}

/// How a figure did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// The target is reached.
    Met,
    /// It is missed by no more than the run's own noise.
    WithinNoise,
    /// It is missed.
    Missed,
    /// There is none.
    Told,
}

impl Figure {
    /// The median over the rounds of subject by floor; of the subject alone where there is no floor.
    pub(crate) fn value(&self) -> f64 {
        median(&self.values())
    }

    /// The least and the most of what [`value`](Self::value) is the median of.
    pub(crate) fn spread(&self) -> (f64, f64) {
        let values = self.values();
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        (least, values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    }

    /// How far the target is reached: 1 is just so, and more is better.
    pub(crate) fn reach(&self) -> f64 {
        match self.target {
            Target::AtLeast(target) => self.value() / target,
            Target::AtMost(target) => target / self.value(),
            Target::None => f64::INFINITY,
        }
    }

    /// Whether the target is reached.
    pub(crate) fn verdict(&self) -> Verdict {
        let (value, (least, most)) = (self.value(), self.spread());
        let judged = |met: bool, nearly: bool| match (met, nearly) {
            (true, _) => Verdict::Met,
            (false, true) => Verdict::WithinNoise,
            (false, false) => Verdict::Missed,
        };
        match self.target {
            Target::None => Verdict::Told,
            Target::AtLeast(target) => judged(value >= target, most >= target),
            Target::AtMost(target) => judged(value <= target, least <= target),
        }
    }

    fn values(&self) -> Vec<f64> {
        if self.floor.is_empty() {
            return self.subject.clone();
        }
        self.subject.iter().zip(&self.floor).map(|(subject, floor)| subject / floor).collect()
    }
}

/// The middle of some numbers; not a number where there are none.
pub(crate) fn median(numbers: &[f64]) -> f64 {
    percentile(numbers, 50)
}

/// The nearest rank: the smallest number that so many per cent of all do not exceed.
pub(crate) fn percentile(numbers: &[f64], percent: usize) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(rank).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(floor: &[f64], subject: &[f64], target: Target) -> Figure {
        Figure {
            group: "",
            name: String::new(),
            database: String::new(),
            connections: 0,
            against: String::new(),
            unit: "a second",
            floor: floor.to_vec(),
            subject: subject.to_vec(),
            p50_ms: None,
            p99_ms: None,
            goal: None,
            target,
            note: String::new(),
        }
    }

    #[test]
    fn a_ratio_is_that_of_each_round() {
        let figure = figure(&[100.0, 200.0, 100.0], &[50.0, 140.0, 60.0], Target::AtLeast(0.6));
        assert_eq!((figure.value(), figure.spread(), figure.reach()), (0.6, (0.5, 0.7), 1.0));
        assert_eq!(figure.verdict(), Verdict::Met);
    }

    #[test]
    fn a_target_is_missed_by_more_than_the_noise_of_the_run() {
        let rounds = [9.0, 10.0, 11.0];
        let check = |target, expected| assert_eq!(figure(&[], &rounds, target).verdict(), expected);
        check(Target::AtLeast(10.0), Verdict::Met);
        check(Target::AtLeast(10.5), Verdict::WithinNoise);
        check(Target::AtLeast(11.5), Verdict::Missed);
        check(Target::AtMost(10.0), Verdict::Met);
        check(Target::AtMost(9.5), Verdict::WithinNoise);
        check(Target::AtMost(8.0), Verdict::Missed);
    }

    #[test]
    fn a_single_round_has_no_noise() {
        let check = |round, expected| {
            assert_eq!(figure(&[], &[round], Target::AtMost(20.0)).verdict(), expected);
        };
        check(20.0, Verdict::Met);
        check(20.1, Verdict::Missed);
    }

    #[test]
    fn what_was_not_measured_is_missed() {
        for target in [Target::AtLeast(0.5), Target::AtMost(20.0)] {
            assert_eq!(figure(&[], &[], target).verdict(), Verdict::Missed);
            assert_eq!(figure(&[0.0], &[0.0], target).verdict(), Verdict::Missed);
        }
        assert_eq!(figure(&[], &[1.0], Target::None).verdict(), Verdict::Told);
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&hundred, 99), 99.0);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert!(median(&[]).is_nan());
    }
}
