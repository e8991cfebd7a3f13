//! Medians, spreads and ratios. Pure.

use serde::{Deserialize, Serialize};

/// What several rounds gave.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The one in the middle.
    pub median: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

impl Spread {
    /// Of these values; `None` if there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = match values.len() {
            0 => return None,
            odd if odd % 2 == 1 => values[middle],
            _ => f64::midpoint(values[middle - 1], values[middle]),
        };
        Some(Self {
            median,
            least: values[0],
            most: values[values.len() - 1],
        })
    }

    /// Of ours / theirs, round by round: what slows both in one round is in neither ratio.
    pub fn of_ratios(pairs: impl IntoIterator<Item = (f64, f64)>) -> Option<Self> {
        let defined = pairs.into_iter().filter(|(_, theirs)| *theirs > 0.0);
        Self::of(defined.map(|(ours, theirs)| ours / theirs))
    }
}

/// The value that this share of sorted values does not exceed; the default if there are none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a length is an index"
)]
pub fn quantile<T: Copy + Default>(sorted: &[T], share: f64) -> T {
    let index = (sorted.len() as f64 * share).ceil() as usize;
    let index = index.clamp(1, sorted.len().max(1)) - 1;
    sorted.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads() {
        let spread = |values: &[f64]| Spread::of(values.iter().copied());
        assert_eq!(spread(&[]), None);
        for (values, median, least, most) in [
            (&[3.0][..], 3.0, 3.0, 3.0),
            (&[3.0, 1.0], 2.0, 1.0, 3.0),
            (&[9.0, 1.0, 2.0], 2.0, 1.0, 9.0),
        ] {
            let want = Spread {
                median,
                least,
                most,
            };
            assert_eq!(spread(values), Some(want), "{values:?}");
        }
    }

    #[test]
    fn ratios_are_of_one_round() {
        let ratios = Spread::of_ratios([(1.0, 2.0), (10.0, 20.0), (5.0, 0.0)]);
        assert_eq!(ratios, Spread::of([0.5, 0.5]));
    }

    #[test]
    fn quantiles() {
        let sorted: Vec<u32> = (1..=100).collect();
        for (share, want) in [(0.0, 1), (0.5, 50), (0.99, 99), (1.0, 100)] {
            assert_eq!(quantile(&sorted, share), want, "{share}");
        }
        assert_eq!(quantile::<u32>(&[], 0.5), 0);
        assert_eq!(quantile(&[7], 0.99), 7);
    }
}
