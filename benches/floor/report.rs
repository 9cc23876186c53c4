//! What the rounds have shown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fracas_benches::Circumstances;
use serde_json::{Map, Value, json};

use crate::bounds::{Bounds, Verdict};
use crate::cases::Case;
use crate::run::Run;
use crate::server::Kind;
use crate::statistics::Spread;

/// With less it is a trial.
const ROUNDS_MIN: usize = 11;
/// By how much the control's most may exceed its least, as a share.
const CONTROL_WIDTH_MAX: f64 = 0.15;

/// A figure of several.
type Part = fn(Spread) -> f64;

/// All servers, one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Round {
    pub(crate) runs: BTreeMap<Kind, Run>,
}

/// All rounds of a case.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    pub(crate) case: Case,
    pub(crate) circumstances: Circumstances,
    /// Who has taken part; the first is the control.
    pub(crate) kinds: Vec<Kind>,
    pub(crate) rounds: Vec<Round>,
    pub(crate) rounds_wanted: usize,
    pub(crate) bounds: Bounds,
    /// What is to be known beside the figures.
    pub(crate) remarks: Vec<String>,
}

impl Round {
    /// Whether its figures count.
    pub(crate) fn counts(&self) -> bool {
        self.problems().next().is_none()
    }

    fn problems(&self) -> impl Iterator<Item = String> {
        self.runs.iter().filter_map(|(kind, run)| told(*kind, run.problem.as_ref()))
    }

    fn remarks(&self) -> impl Iterator<Item = String> {
        self.runs.iter().filter_map(|(kind, run)| told(*kind, run.remark.as_ref()))
    }

    fn us_per_update(&self, kind: Kind) -> Option<f64> {
        self.runs.get(&kind).map(Run::us_per_update)
    }

    /// How many times the one takes what the other takes.
    fn ratio(&self, kind: Kind, to: Kind) -> Option<f64> {
        Some(self.us_per_update(kind)? / self.us_per_update(to)?)
    }

    fn json(&self) -> Value {
        let run = |(kind, run): (&Kind, &Run)| {
            let told = json!({
                "us_per_update": run.us_per_update(),
                "updates": run.updates,
                "seconds": run.seconds,
                "user_s": run.cpu.user_s,
                "system_s": run.cpu.system_s,
                "problem": run.problem,
                "remark": run.remark,
            });
            (kind.name().to_owned(), told)
        };
        json!({ "counts": self.counts(), "servers": self.runs.iter().map(run).collect::<Map<_, _>>() })
    }
}

fn told(kind: Kind, what: Option<&String>) -> Option<String> {
    what.map(|what| format!("{}: {what}", kind.name()))
}

impl Figures {
    /// The rounds that count.
    fn good(&self) -> impl Iterator<Item = &Round> {
        self.rounds.iter().filter(|round| round.counts())
    }

    fn us_per_update(&self, kind: Kind) -> Option<Spread> {
        Spread::of(&self.good().filter_map(|round| round.us_per_update(kind)).collect::<Vec<_>>())
    }

    /// Of the rounds' own ratios.
    fn ratio(&self, kind: Kind, to: Kind) -> Option<Spread> {
        Spread::of(&self.good().filter_map(|round| round.ratio(kind, to)).collect::<Vec<_>>())
    }

    fn verdicts(&self) -> Vec<Verdict> {
        let ratio = |to| self.ratio(Kind::Product, to);
        self.bounds.verdicts(ratio(Kind::Skeleton), ratio(Kind::Naive))
    }

    /// Whether the figures may be relied on.
    pub(crate) fn is_valid(&self) -> bool {
        self.problems().is_empty()
    }

    /// Whether the product takes no more than was asked.
    pub(crate) fn bounds_are_held(&self) -> bool {
        self.verdicts().iter().all(Verdict::is_held)
    }

    /// Why the run is invalid; nothing when it is valid.
    fn problems(&self) -> Vec<String> {
        let (good, wanted) = (self.good().count(), self.rounds_wanted.max(ROUNDS_MIN));
        let mut problems = Vec::new();
        if good < wanted {
            problems.push(format!("{good} rounds count, and {wanted} are needed"));
        }
        if let Some(control) = self.us_per_update(Kind::Skeleton)
            && control.width() > CONTROL_WIDTH_MAX
        {
            problems.push(format!(
                "the skeleton's rounds differ by {:.0} %, and {:.0} % are allowed: something else used this machine",
                control.width() * 100.0,
                CONTROL_WIDTH_MAX * 100.0
            ));
        }
        problems
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let mut text = format!(
            "{}: {}\nprocessor time of the server for each update that a client got, in us; ratios of the product's\n\n",
            self.case.name,
            self.case.sentence(),
        );
        let mut row = |cells: &[String]| {
            let cells: Vec<_> = cells.iter().map(|cell| format!("{cell:>12}")).collect();
            // Writing to memory does not fail.
            let _ = writeln!(text, "{}", cells.concat());
        };
        let names = self.kinds.iter().map(|kind| kind.name().to_owned());
        let ratios = ["to skeleton", "to naive"].map(str::to_owned);
        row(&[vec!["round".to_owned()], names.collect(), ratios.into()].concat());
        for (number, round) in self.rounds.iter().enumerate() {
            let mark = if round.counts() { "" } else { "!" };
            let ratios = [Kind::Skeleton, Kind::Naive].map(|to| round.ratio(Kind::Product, to));
            let figures = self.kinds.iter().map(|kind| cell(round.us_per_update(*kind)));
            let figures = figures.chain(ratios.map(cell));
            row(&[format!("{}{mark}", number + 1)].into_iter().chain(figures).collect::<Vec<_>>());
        }
        let parts: [(&str, Part); 5] = [
            ("median", |spread| spread.median),
            ("least", |spread| spread.least),
            ("most", |spread| spread.most),
            ("95 % from", |spread| spread.low),
            ("95 % to", |spread| spread.high),
        ];
        for (name, part) in parts {
            let ratios = [Kind::Skeleton, Kind::Naive].map(|to| self.ratio(Kind::Product, to));
            let spreads = self.kinds.iter().map(|kind| self.us_per_update(*kind)).chain(ratios);
            let figures = spreads.map(|spread| cell(spread.map(part)));
            row(&[name.to_owned()].into_iter().chain(figures).collect::<Vec<_>>());
        }
        self.put_words(&mut text);
        text
    }

    /// What is to be said under the table.
    fn put_words(&self, text: &mut String) {
        text.push('\n');
        for kind in self.kinds.iter().filter(|kind| ![Kind::Skeleton, Kind::Product].contains(kind)) {
            if let Some(ratio) = self.ratio(*kind, Kind::Skeleton) {
                let Spread { median, low, high, .. } = ratio;
                let name = kind.name();
                let _ = writeln!(text, "{name} to skeleton: {median:.2}, 95 % from {low:.2} to {high:.2}");
            }
        }
        let of_rounds = self.rounds.iter().enumerate().flat_map(|(number, round)| {
            let lines = round.problems().map(|problem| format!("does not count: {problem}"));
            lines.chain(round.remarks()).map(move |line| format!("round {}: {line}", number + 1))
        });
        let verdicts = self.verdicts();
        let bounds = verdicts.iter().map(Verdict::sentence);
        let problems = self.problems().into_iter().map(|problem| format!("INVALID: {problem}"));
        for line in self.remarks.iter().cloned().chain(of_rounds).chain(bounds).chain(problems) {
            let _ = writeln!(text, "{line}");
        }
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let spreads = |of: &dyn Fn(Kind) -> Option<Spread>| -> Map<_, _> {
            let named = |kind: &Kind| Some((kind.name().to_owned(), of(*kind)?.json()));
            self.kinds.iter().filter_map(named).collect()
        };
        let ratio = |to| self.ratio(Kind::Product, to).map(|spread| spread.json());
        json!({
            "case": self.case.json(),
            "date": self.circumstances.date,
            "machine": self.circumstances.machine,
            "is_valid": self.is_valid(),
            "problems": self.problems(),
            "rounds_counted": self.good().count(),
            "us_per_update": spreads(&|kind| self.us_per_update(kind)),
            "ratio_to_skeleton": ratio(Kind::Skeleton),
            "ratio_to_naive": ratio(Kind::Naive),
            "ratios_to_skeleton": spreads(&|kind| self.ratio(kind, Kind::Skeleton)),
            "control_width": self.us_per_update(Kind::Skeleton).map(|spread| spread.width()),
            "bounds": self.verdicts().iter().map(Verdict::json).collect::<Vec<_>>(),
            "remarks": self.remarks,
            "rounds": self.rounds.iter().map(Round::json).collect::<Vec<_>>(),
        })
    }
}

/// A figure in a table; a line for none.
fn cell(figure: Option<f64>) -> String {
    figure.map_or_else(|| "-".into(), |figure| format!("{figure:.2}"))
}

#[cfg(test)]
mod tests {
    use fracas_benches::process::Cpu;

    use super::*;
    use crate::cases::named;

    /// Of as many rounds as the skeleton's figures; the product takes twice as much, the naive one four times.
    fn figures(skeleton_us: &[f64]) -> Figures {
        let run = |us: f64| Run {
            seconds: 1.0,
            cpu: Cpu { user_s: us / 4e6, system_s: us * 3.0 / 4e6 },
            updates: 1.0,
            problem: None,
            remark: None,
        };
        let round = |us: &f64| Round {
            runs: [(Kind::Skeleton, *us), (Kind::Naive, us * 4.0), (Kind::Product, us * 2.0)]
                .map(|(kind, us)| (kind, run(us)))
                .into(),
        };
        Figures {
            case: named("rooms-of-8").expect("it is in the list"),
            circumstances: Circumstances { date: "2026-11-28".into(), machine: "a machine".into() },
            kinds: vec![Kind::Skeleton, Kind::Naive, Kind::Product],
            rounds: skeleton_us.iter().map(round).collect(),
            rounds_wanted: skeleton_us.len(),
            bounds: Bounds { to_skeleton_max: Some(2.1), to_naive_max: None },
            remarks: Vec::new(),
        }
    }

    #[test]
    fn ratios_are_those_of_each_round() {
        let figures = figures(&[8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.5, 9.0, 9.1]);
        assert!(figures.is_valid() && figures.bounds_are_held(), "{}", figures.table());
        let json = figures.json();
        assert_eq!(json["us_per_update"]["skeleton"]["median"], 8.0);
        for (name, ratio) in [("ratio_to_skeleton", 2.0), ("ratio_to_naive", 0.5)] {
            let interval = &json[name]["interval_95"];
            assert_eq!([&json[name]["median"], &interval["low"], &interval["high"]], [ratio; 3]);
        }
        let table = figures.table();
        assert!(table.contains("naive to skeleton: 4.00") && table.contains("at most 2.1: held"), "{table}");
    }

    #[test]
    fn a_control_that_changes_is_no_control() {
        let figures = figures(&[8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 9.3]);
        assert!(!figures.is_valid());
        assert!(
            figures.table().contains("INVALID: the skeleton's rounds differ by 16 %"),
            "{}",
            figures.table()
        );
    }

    #[test]
    fn rounds_with_a_problem_do_not_count() {
        let mut figures = figures(&[8.0; 12]);
        figures.rounds_wanted = 11;
        let run = figures.rounds[3].runs.get_mut(&Kind::Product).expect("it took part");
        (run.cpu.user_s, run.problem) = (1.0, Some("clients: 2 failed".into()));
        assert!(figures.is_valid(), "the others are enough");
        assert_eq!(figures.json()["ratio_to_skeleton"]["most"], 2.0);
        let table = figures.table();
        assert!(
            table.contains("4!") && table.contains("round 4: does not count: product: clients: 2 failed")
        );
        figures.rounds.truncate(11);
        assert!(figures.table().contains("INVALID: 10 rounds count, and 11 are needed"));
    }
}
