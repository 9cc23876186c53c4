//! Traces and schemas such as people make by mistake, and a codec with a mistake.

use fracas_benches::codec::tool::{Coder, Configuration, configurations, measure};
use fracas_shared::frame::FrameError;
use fracas_shared::schema::Kind;
use fracas_shared::snapshot::Snapshot;

use super::{Files, SCHEMA, assert_error, rows};

#[test]
fn a_wrong_trace_is_told_by_line_and_column() {
    let check = |text: String, parts: &[&str]| assert_error(&Files::new(SCHEMA, text), parts);
    let first = "1,7,1,0,0,9";
    check("tick,entity,x,vx,dx\n".into(), &["line 1", "no column `hp`", "tick, entity, x, vx, dx"]);
    check("tick,entity,x,x,vx,dx,hp\n".into(), &["two columns `x`"]);
    check(
        rows(&[first, "2,7,4096,0,0,9"]),
        &["line 3", "`x`", "4096 is beyond its 12 bits, 0 to 4095", "more bits"],
    );
    check(rows(&[first, "2,7,-1,0,0,9"]), &["line 3", "`x`", "-1 is beyond its 12 bits"]);
    check(rows(&["1,7,99999999999999999999,0,0,9"]), &["line 2", "`x`", "beyond its 12 bits"]);
    check(
        rows(&[first, "2,7,1.5,0,0,9"]),
        &["line 3", "`x`", "`1.5` is not a whole number", "codes of 12 bits"],
    );
    check(rows(&["1,7,1,0,0,"]), &["line 2", "`hp`", "`` is not a whole number"]);
    check(rows(&["one,7,1,0,0,9"]), &["line 2", "`tick`", "`one` is not a whole number"]);
    check(rows(&["1,-7,1,0,0,9"]), &["line 2", "`entity`", "`-7` is not a whole number from 0"]);
    check(rows(&["2,7,1,0,0,9", first]), &["line 3", "`tick`", "1 after 2", "sort the rows"]);
    check(rows(&[first, "2,7,1,0,0,9", first]), &["line 4", "1 after 2"]);
    check(rows(&[first, first]), &["line 3", "entity 7 is in this tick twice"]);
    check(rows(&[first, "2,7,1,0,0"]), &["line 3", "5 columns where the header has 6"]);
    check(rows(&[]), &["has 0 frames"]);
    let crowd: Vec<_> = (0..4_097).map(|entity| format!("1,{entity},1,0,0,9")).collect();
    let crowd = rows(&crowd.iter().map(String::as_str).collect::<Vec<_>>());
    check(crowd, &["line 4098", "more than 4096 entities"]);
}

#[test]
fn a_wrong_schema_is_told() {
    let check = |schema: &str, parts: &[&str]| assert_error(&Files::new(schema, rows(&[])), parts);
    check("x,y", &["not JSON", "line 1"]);
    check(r#"{"fields": 1}"#, &["no list \"fields\""]);
    check(r#"{"fields": []}"#, &["no field"]);
    check(r#"{"fields": [{"name": "x", "kind": "colour", "bits": 3}]}"#, &["field `x`", "colour", "`uint`"]);
    check(r#"{"fields": [{"kind": "uint", "bits": 3}]}"#, &["field 1", "name"]);
    check(r#"{"fields": [{"name": "x", "kind": "uint", "bits": 33}]}"#, &["`bits` must be from 1 to 32"]);
    check(r#"{"fields": [{"name": "x", "kind": "text"}]}"#, &["field `x`", "numbers alone"]);
    check(r#"{"fields": [{"name": "tick", "kind": "bool"}]}"#, &["field `tick`", "another column"]);
}

/// Loses the sight of a field, in the frames of one tick.
struct Blurred(Box<dyn Coder>);

impl Coder for Blurred {
    fn follow(&mut self, last: &Snapshot, snapshot: &mut Snapshot) {
        self.0.follow(last, snapshot);
    }

    fn encode(&mut self, baseline: Option<&Snapshot>, snapshot: &Snapshot, out: &mut Vec<u8>) {
        let mut blurred = Snapshot::new(snapshot.tick());
        for row in snapshot.rows() {
            blurred.push(row.id, row.kind, |codes| {
                codes.extend_from_slice(row.codes);
                if snapshot.tick().0 == 3 {
                    codes[1] = 0;
                }
            });
        }
        blurred.seal(snapshot.strings().clone());
        self.0.encode(baseline, &blurred, out);
    }

    fn decode(
        &self,
        baseline: Option<&Snapshot>,
        frame: &[u8],
        snapshot: &mut Snapshot,
    ) -> Result<(), FrameError> {
        self.0.decode(baseline, frame, snapshot)
    }
}

#[test]
fn what_does_not_come_back_is_an_error() {
    let files = Files::new(SCHEMA, rows(&["10,70,1,5,0,9", "20,70,1,5,0,9", "30,70,1,5,0,9"]));
    let coder = |kind: &Kind| -> Box<dyn Coder> { Box::new(Blurred((configurations()[0].coder)(kind))) };
    let error =
        measure(&files.options, &[Configuration { name: "blurred", coder }]).map(|report| report.json());
    let error = format!("{:#}", error.expect_err("a field was lost"));
    assert_eq!(error, "blurred: tick 30 does not come back as it went: entity 70, field `vx`: 5 became 0");
}
