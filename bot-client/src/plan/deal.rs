//! Which group the next bot is of.

/// What is taken for nothing where shares are compared: they are sums of rounded numbers.
const EPSILON: f64 = 1e-9;

/// The groups of so many bots, by shares. Of the first n, for any n, each group has its share of n,
/// less or more than one wrong.
///
/// Giving each to the group that is furthest behind is not enough for that when there are many
/// groups. So, as Tijdeman does it (The chairman assignment problem, 1980): of the groups that may
/// have one more, the one that must have it soonest.
pub(super) fn deal(shares: &[f64], bots: u32) -> Vec<usize> {
    let sum: f64 = shares.iter().sum();
    let shares: Vec<_> = shares.iter().map(|share| share / sum).collect();
    let slack = match shares.len() {
        0 | 1 => 0.0,
        groups => 1.0 / (2.0 * (groups as f64 - 1.0)),
    };
    let mut dealt = vec![0u32; shares.len()];
    let mut deal = Vec::with_capacity(bots as usize);
    for n in 1..=bots {
        let behind = |group: usize| shares[group] * f64::from(n) - f64::from(dealt[group]);
        let due_in = |group: usize| (1.0 - slack - behind(group)) / shares[group];
        let soonest = |a: &usize, b: &usize| due_in(*a).total_cmp(&due_in(*b));
        let may = (0..shares.len()).filter(|group| behind(*group) >= slack - EPSILON);
        // Rounding cannot leave nobody who may, for those behind sum up to one; the first does then.
        let group = may.min_by(soonest).unwrap_or(0);
        dealt[group] += 1;
        deal.push(group);
    }
    deal
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_group_has_its_share_at_any_time(shares in prop::collection::vec(0.01f64..100.0, 1..40)) {
            let sum: f64 = shares.iter().sum();
            let mut dealt = vec![0.0; shares.len()];
            for (index, group) in deal(&shares, 500).into_iter().enumerate() {
                dealt[group] += 1.0;
                for (share, dealt) in shares.iter().zip(&dealt) {
                    let asked = share / sum * (index + 1) as f64;
                    prop_assert!((asked - dealt).abs() < 1.0, "{asked} asked, {dealt} dealt");
                }
            }
        }
    }

    #[test]
    fn groups_take_turns() {
        assert_eq!(deal(&[1.0], 3), [0, 0, 0]);
        assert_eq!(deal(&[1.0, 1.0], 4), [0, 1, 0, 1]);
        let deal = deal(&[3.0, 1.0], 8);
        assert_eq!(deal[..4].iter().filter(|group| **group == 1).count(), 1);
        assert_eq!(deal[4..].iter().filter(|group| **group == 1).count(), 1);
    }
}
