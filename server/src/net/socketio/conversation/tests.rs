use super::*;

fn bytes(message: &ServerMessage) -> Bytes {
    message.to_bytes().into()
}

#[test]
fn so_many_requests_wait_for_their_answers() {
    let mut conversation = Conversation::new(Form::Json);
    let mut out = VecDeque::new();
    for ack in 0..=SOCKETIO_ANSWERS_MAX {
        conversation.hear("ping", Args::from(Vec::new()), Some(ack)).unwrap();
    }
    for _ in 0..=SOCKETIO_ANSWERS_MAX {
        conversation.tell(&bytes(&ServerMessage::Pong { nonce: 0 }), &mut out).unwrap();
    }
    assert_eq!(out.pop_back(), Some(Told::Event("pong", json!({"nonce": 0}).into())));
    let answers: Vec<_> =
        out.iter().map(|told| matches!(told, Told::Answer(ack, _) if *ack < SOCKETIO_ANSWERS_MAX)).collect();
    assert_eq!(answers, [true; SOCKETIO_ANSWERS_MAX]);
}

#[test]
fn packets_that_leave_together_are_one_event_and_none_of_another() {
    let mut conversation = Conversation::<()>::new(Form::Packets);
    let complaint = conversation.hear("fly", Args::from(Vec::new()), None).unwrap_err();
    let mut out = VecDeque::from([complaint.told(None)]);
    let pong = bytes(&ServerMessage::Pong { nonce: 7 });
    for _ in 0..2 {
        conversation.tell(&pong, &mut out).unwrap();
    }
    assert!(matches!(&out[0], Told::Event("error", args) if args.len() == 1), "{out:?}");
    let packet = Arg::Binary(pong);
    assert_eq!(out[1], Told::Event("packet", vec![packet.clone(), packet].into()));
    assert_eq!(out.len(), 2);
}
