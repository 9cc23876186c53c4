//! What became of a snapshot on its way.

use fracas_shared::schema::Kind;
use fracas_shared::snapshot::Snapshot;

use super::trace::Frame;

/// The first difference of what came from what went; none when there is none.
pub(super) fn difference(frame: &Frame, came: &Snapshot, kind: &Kind) -> Option<String> {
    let went = &frame.snapshot;
    if came == went {
        return None;
    }
    let name = |id| frame.entity(id).map_or_else(|| format!("with the id {id}"), |entity| entity.to_string());
    for row in went.rows() {
        let entity = name(row.id);
        let Some(other) = came.get(row.id) else { return Some(format!("entity {entity} is missing")) };
        if other.codes.len() != row.codes.len() || other.kind != row.kind {
            return Some(format!("entity {entity} became another kind"));
        }
        for ((went, came), field) in row.codes.iter().zip(other.codes).zip(&kind.fields) {
            if went != came {
                return Some(format!("entity {entity}, field `{}`: {went} became {came}", field.name));
            }
        }
    }
    let more = came.rows().find(|row| went.get(row.id).is_none());
    let more = more.map(|row| format!("entity {} came and was not there", name(row.id)));
    more.or_else(|| Some("the tick, an entity's number of rows, or a string is another".into()))
}
