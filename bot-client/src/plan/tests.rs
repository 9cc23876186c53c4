use fracas_client::LineProfile;
use proptest::prelude::*;

use super::*;
use crate::limits::{SESSION_TIME_MIN, SESSIONS_MAX};
use crate::scenario::{Behaviour, Group, Stage, StageKind};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn stage(lasts_ms: u64, kind: StageKind) -> Stage {
    Stage { name: "stage".into(), lasts: ms(lasts_ms), kind }
}

fn clients(to: u32, lasts_ms: u64) -> Stage {
    stage(lasts_ms, StageKind::Clients { to })
}

fn storm(share: f64, lasts_ms: u64) -> Stage {
    stage(lasts_ms, StageKind::Reconnect { share })
}

fn group(share: f64, session_s: Option<u64>, think_ms: u64) -> Group {
    let name = format!("{share} {session_s:?} {think_ms}");
    let session = session_s.map(Duration::from_secs);
    Group { name, share, session, think: ms(think_ms), ..Group::of("arena", Behaviour::Pilot) }
}

fn scenario(stages: Vec<Stage>, groups: Vec<Group>) -> Scenario {
    Scenario {
        name: "test".into(),
        about: String::new(),
        seed: 1,
        stages,
        groups,
        expect: Vec::new(),
        restarts: false,
    }
}

fn plan(stages: Vec<Stage>, groups: Vec<Group>) -> Plan {
    Plan::new(&scenario(stages, groups)).unwrap()
}

/// How many are to play at a moment, as a real number.
fn asked(scenario: &Scenario, at: Duration) -> f64 {
    let (mut from, mut before) = (Duration::ZERO, 0.0);
    for stage in &scenario.stages {
        let to = match stage.kind {
            StageKind::Clients { to } => f64::from(to),
            StageKind::Reconnect { .. } => before,
        };
        if at < from + stage.lasts {
            return before + (to - before) * at.abs_diff(from).as_secs_f64() / stage.lasts.as_secs_f64();
        }
        (from, before) = (from + stage.lasts, to);
    }
    before
}

fn playing(plan: &Plan, at: Duration) -> impl Iterator<Item = &Session> {
    plan.sessions.iter().filter(move |session| session.starts <= at && at < session.ends)
}

fn any_stages() -> impl Strategy<Value = Vec<Stage>> {
    let any_stage = prop_oneof![
        4 => (0u32..60, 1u64..20_000).prop_map(|(to, lasts_ms)| clients(to, lasts_ms)),
        1 => (0.01f64..1.0, 1u64..5000).prop_map(|(share, lasts_ms)| storm(share, lasts_ms)),
    ];
    // Somebody is there from the first stage on, and again before each storm.
    let stages = prop::collection::vec((any_stage, 1u32..60), 1..8);
    stages.prop_map(|stages| {
        let with_ramp = |(stage, to): (Stage, u32)| [clients(to, 1000), stage];
        stages.into_iter().flat_map(with_ramp).collect()
    })
}

fn any_groups() -> impl Strategy<Value = Vec<Group>> {
    let any_group = (0.1f64..10.0, prop::option::of(1u64..20));
    prop::collection::vec(any_group, 1..5).prop_map(|groups| {
        let name = |(place, (share, session_s)): (usize, _)| {
            let group = group(share, session_s, 0);
            Group { name: place.to_string(), ..group }
        };
        groups.into_iter().enumerate().map(name).collect()
    })
}

proptest! {
    #[test]
    fn the_number_of_bots_follows_the_stages(stages in any_stages(), groups in any_groups()) {
        let scenario = scenario(stages, groups);
        let plan = Plan::new(&scenario).unwrap();
        let shares: f64 = scenario.groups.iter().map(|group| group.share).sum();
        for sample in 0..200 {
            let at = plan.lasts * sample / 200;
            let mut by_group = vec![0.0; scenario.groups.len()];
            playing(&plan, at).for_each(|session| by_group[session.group] += 1.0);
            let (number, asked) = (by_group.iter().sum::<f64>(), asked(&scenario, at));
            prop_assert!((number - asked).abs() <= 1.0, "{number} play at {at:?}, {asked} were asked for");
            for (group, number_of_group) in scenario.groups.iter().zip(by_group) {
                let asked = group.share / shares * number;
                prop_assert!((number_of_group - asked).abs() < 1.0, "{number_of_group} of {asked} at {at:?}");
            }
        }
    }

    #[test]
    fn sessions_are_in_order_and_shards_have_all_of_them(
        stages in any_stages(), groups in any_groups(), shards in 1u32..5,
    ) {
        let scenario = scenario(stages, groups);
        let plan = Plan::new(&scenario).unwrap();
        prop_assert!(plan.sessions.is_sorted_by_key(|session| session.starts));
        for (place, session) in plan.sessions.iter().enumerate() {
            prop_assert_eq!(session.number as usize, place);
            prop_assert!(session.starts <= session.ends && session.ends <= plan.lasts);
            prop_assert!(session.drops.is_sorted());
            let is_there = |drop: &Duration| session.starts < *drop && *drop < session.ends;
            prop_assert!(session.drops.iter().all(is_there), "{session:?}");
        }
        let mut all: Vec<_> = (0..shards).flat_map(|index| plan.shard(index, shards)).collect();
        all.sort_by_key(|session| session.number);
        prop_assert!(all.into_iter().eq(&plan.sessions));
    }

    #[test]
    fn the_same_seed_plans_the_same(stages in any_stages(), groups in any_groups(), seed: u64) {
        let scenario = Scenario { seed, ..scenario(stages, groups) };
        let plan = Plan::new(&scenario).unwrap();
        let json = serde_json::to_string(&scenario).unwrap();
        let again = Plan::new(&serde_json::from_str(&json).unwrap()).unwrap();
        prop_assert_eq!(plan.digest(), again.digest());
        prop_assert_eq!(plan, again);
    }
}

#[test]
fn the_next_bot_comes_when_its_number_is_reached() {
    let plan = plan(vec![clients(4, 1000), clients(4, 500), clients(2, 1000)], vec![group(1.0, None, 0)]);
    let times: Vec<_> = plan.sessions.iter().map(|session| (session.starts, session.ends)).collect();
    let expected =
        [(250, 2000), (500, 2500), (750, 2500), (1000, 2500)].map(|(starts, ends)| (ms(starts), ms(ends)));
    assert_eq!(times, expected, "the oldest goes first, and at the end all do");
    let stages: Vec<_> = plan.stages.iter().map(|stage| (stage.from, stage.to)).collect();
    assert_eq!(stages, [(0, 1000), (1000, 1500), (1500, 2500)].map(|(from, to)| (ms(from), ms(to))));
}

#[test]
fn another_seed_plans_other_sessions() {
    let with_seed = |seed| {
        let scenario = scenario(vec![clients(9, 1000), clients(9, 60_000)], vec![group(1.0, Some(10), 0)]);
        Plan::new(&Scenario { seed, ..scenario }).unwrap()
    };
    assert_ne!(with_seed(1).digest(), with_seed(2).digest());
    assert_ne!(with_seed(1), with_seed(2));
}

#[test]
fn the_digest_is_the_same_on_every_machine() {
    let stages = vec![clients(9, 1000), clients(9, 60_000), storm(0.5, 1000), clients(0, 1000)];
    let plan = plan(stages, vec![group(2.0, Some(10), 700), group(1.0, None, 0)]);
    assert_eq!(
        plan.digest(),
        13_948_185_226_028_868_690,
        "what was planned by an older version is planned otherwise now"
    );
}

#[test]
fn the_digest_is_of_everything() {
    let plan = plan(vec![clients(3, 1000), storm(1.0, 1000)], vec![group(1.0, None, 0)]);
    let changes: [fn(&mut Plan); 7] = [
        |plan| plan.lasts += ms(1),
        |plan| plan.sessions[0].group += 1,
        |plan| plan.sessions[1].ends -= ms(1),
        |plan| plan.sessions[1].drops.clear(),
        |plan| plan.sessions.truncate(1),
        |plan| plan.stages[0].name.push('x'),
        |plan| plan.stages[0].to += ms(1),
    ];
    for (place, change) in changes.iter().enumerate() {
        let mut other = plan.clone();
        change(&mut other);
        assert_ne!(other.digest(), plan.digest(), "change {place}");
    }
}

#[test]
fn who_leaves_is_replaced_by_one_of_the_group() {
    let stages = vec![clients(100, 1000), clients(100, 600_000)];
    let plan = plan(stages, vec![group(1.0, Some(30), 0), group(1.0, None, 0)]);
    let is_over = |session: &&Session| session.ends < plan.lasts;
    let over: Vec<_> = plan.sessions.iter().filter(is_over).collect();
    for session in &over {
        assert_eq!(session.group, 0);
        let replaces = |next: &&Session| next.group == 0 && next.starts == session.ends;
        assert_eq!(plan.sessions.iter().filter(replaces).count(), 1, "{session:?}");
        assert!(session.ends.abs_diff(session.starts) >= SESSION_TIME_MIN);
    }
    // 50 of them play for 601 s, each for 30 s on average.
    assert!((900..1100).contains(&over.len()), "{} sessions", over.len());
    let mean = over.iter().map(|session| session.ends.abs_diff(session.starts).as_secs_f64()).sum::<f64>()
        / over.len() as f64;
    assert!((27.0..33.0).contains(&mean), "{mean} s");
}

#[test]
fn a_pause_is_between_two_sessions() {
    let stages = vec![clients(100, 1000), clients(100, 600_000)];
    let plan = plan(stages, vec![group(1.0, Some(20), 10_000)]);
    let samples = (60..600).map(|at| playing(&plan, Duration::from_secs(at)).count());
    let mean = samples.sum::<usize>() as f64 / 540.0;
    // They play for two thirds of the time.
    assert!((64.0..70.0).contains(&mean), "{mean} play");
}

#[test]
fn who_pauses_goes_without_a_word() {
    // Nearly all of them pause when the number falls, and nobody comes again after that.
    let stages = vec![clients(50, 100), clients(50, 20_000), clients(0, 100), clients(0, 600_000)];
    let plan = plan(stages, vec![group(1.0, Some(1), 100_000)]);
    let last = plan.sessions.iter().map(|session| session.ends).max().unwrap();
    assert!(last <= ms(20_200), "{last:?}");
}

#[test]
fn storms_drop_their_share_evenly() {
    let stages = vec![clients(200, 1000), storm(0.2, 1000), clients(200, 1000), storm(1.0, 500)];
    let plan = plan(stages, vec![group(3.0, None, 0), group(1.0, None, 0)]);
    for (stage, expected) in [(1, 40), (3, 200)] {
        let PlannedStage { from, to, .. } = plan.stages[stage];
        let drops = plan.sessions.iter().flat_map(|session| &session.drops).copied();
        let mut drops: Vec<_> = drops.filter(|drop| *drop > from && *drop < to).collect();
        drops.sort_unstable();
        assert_eq!(drops.len(), expected);
        let gap = to.abs_diff(from) / expected as u32;
        assert!(drops.windows(2).all(|two| two[1].abs_diff(two[0]).abs_diff(gap) <= ms(1)), "{drops:?}");
    }
    let first: Vec<_> = plan.sessions.iter().filter(|session| session.drops.len() == 2).collect();
    assert_eq!(first.len(), 40);
    assert!(first.iter().any(|session| session.number >= 100), "any of them may be dropped");
}

#[test]
fn a_storm_spares_who_leaves_anyway() {
    let stages = vec![clients(100, 1000), clients(100, 20_000), storm(0.5, 10_000)];
    let plan = plan(stages, vec![group(1.0, Some(10), 0)]);
    let drops = plan.sessions.iter().flat_map(|session| &session.drops).count();
    assert_eq!(drops, 50, "others drop in their place");
}

#[test]
fn more_bots_are_planned_alike() {
    let small = scenario(vec![clients(10, 1000), storm(0.5, 1000)], vec![group(1.0, None, 0)]);
    let plan = Plan::new(&small.scaled_to(1000)).unwrap();
    assert_eq!((plan.sessions.len(), plan.lasts), (1000, small.lasts()));
    let drops = plan.sessions.iter().flat_map(|session| &session.drops).count();
    assert_eq!(drops, 500);
}

#[test]
fn sessions_and_drops_are_bounded() {
    let hour = 3_600_000;
    let error = |stages| Plan::new(&scenario(stages, vec![group(1.0, Some(1), 0)])).unwrap_err();
    let churn = error(vec![clients(20_000, 1000), clients(20_000, hour)]);
    assert!(churn.contains(&format!("more than {SESSIONS_MAX} sessions")), "{churn}");
    let mut stages = vec![clients(20_000, 1000)];
    stages.extend(vec![storm(1.0, 1); 60]);
    let storms = Plan::new(&scenario(stages, vec![group(1.0, None, 0)])).unwrap_err();
    assert!(storms.contains("more than 1000000 connections"), "{storms}");
}

#[test]
fn what_cannot_be_run_is_not_planned() {
    let mut group = group(1.0, None, 0);
    group.line = LineProfile { latency_ms: 9999, ..group.line };
    let error = Plan::new(&scenario(vec![clients(5, 1000)], vec![group])).unwrap_err();
    assert!(error.contains("`latency_ms`"), "{error}");
    assert!(Plan::new(&scenario(vec![clients(5, 1000)], Vec::new())).is_err());
}
