//! Canvas, drawn on by hand and by its pilots.

use std::collections::BTreeSet;

use fracas_canvas::{
    COLORS, Canvas, Config, Entity, Event, Global, HEIGHT, Hand, Input, Message, PIECE_STEPS_MAX, STEP_ZERO,
    View, WIDTH,
};
use fracas_shared::game::Events;
use fracas_shared::{
    Context, EntityId, Game, Inputs, LeaveReason, Past, Pilot, PlayerId, Profile, Rng, Seen, Tick, World,
};

const ANN: PlayerId = PlayerId(0);
const BOB: PlayerId = PlayerId(1);

/// A match without a house around it.
struct Match {
    rules: Canvas,
    world: World<Entity>,
    global: Global,
    rng: Rng,
    tick: Tick,
    events: Events<Event>,
}

/// A piece as who sees it draws it.
#[derive(Clone, Debug, PartialEq)]
struct Line {
    number: u16,
    color: u8,
    width: u8,
    points: Vec<(i32, i32)>,
}

impl Match {
    fn open(config: &Config, players: u16) -> Self {
        let mut this = Self {
            rules: Canvas::new(config).unwrap(),
            world: World::new(),
            global: Global::default(),
            rng: Rng::new(1, 1),
            tick: Tick(0),
            events: Events::default(),
        };
        this.with(Canvas::open);
        for player in 0..players {
            let profile = Profile::bot("pen");
            this.with(|rules, ctx| rules.join(ctx, PlayerId(player), &profile));
        }
        this
    }

    fn with<T>(&mut self, hook: impl FnOnce(&Canvas, &mut Context<'_, Canvas>) -> T) -> T {
        let mut ctx = Context {
            world: &mut self.world,
            global: &mut self.global,
            rng: &mut self.rng,
            tick: self.tick,
            tick_hz: Canvas::TICK_HZ,
            events: &mut self.events,
            past: Past::default(),
        };
        hook(&self.rules, &mut ctx)
    }

    fn step(&mut self, inputs: &[(PlayerId, Input)]) {
        self.tick += 1;
        self.events.clear();
        self.with(|rules, ctx| rules.step(ctx, &Inputs::new(inputs)));
    }

    /// Ann's pen goes through these points, on the paper.
    fn draw(&mut self, points: &[(u16, u16)]) {
        for point in points {
            self.step(&[(ANN, down(*point))]);
        }
    }

    fn views(&self) -> Vec<View> {
        self.world.iter().filter_map(|(key, entity)| self.rules.view(key, entity)).collect()
    }

    fn pens(&self) -> Vec<(PlayerId, u16, u16, bool)> {
        let pen = |view| match view {
            View::Pen { player, x, y, is_down, .. } => Some((player, x, y, is_down)),
            View::Piece { .. } => None,
        };
        self.views().into_iter().filter_map(pen).collect()
    }

    /// What is on the paper, the oldest first.
    fn lines(&self) -> Vec<Line> {
        let line = |view| match view {
            View::Piece { number, x, y, color, width, steps } => {
                let mut at = (i32::from(x), i32::from(y));
                let by = |letter: u8| i32::from(letter) - i32::from(STEP_ZERO);
                let rest = steps.as_bytes().chunks(2).map(|step| {
                    at = (at.0 + by(step[0]), at.1 + by(step[1]));
                    at
                });
                let points = std::iter::once((i32::from(x), i32::from(y))).chain(rest).collect();
                Some(Line { number, color, width, points })
            }
            View::Pen { .. } => None,
        };
        let mut lines: Vec<_> = self.views().into_iter().filter_map(line).collect();
        lines.sort_by_key(|line| line.number);
        lines
    }
}

fn down((x, y): (u16, u16)) -> Input {
    Input { hand: Hand::Down, x, y, color: 2, width: 5 }
}

#[test]
fn a_line_goes_where_the_pen_went() {
    let mut game = Match::open(&Config::default(), 1);
    game.draw(&[(100, 100), (110, 90), (110, 90), (90, 95)]);
    game.step(&[(ANN, Input { hand: Hand::Over, ..down((300, 300)) })]);
    game.draw(&[(400, 400)]);
    let line = Line { number: 0, color: 2, width: 5, points: vec![(100, 100), (110, 90), (90, 95)] };
    let dot = Line { number: 1, color: 2, width: 5, points: vec![(400, 400)] };
    assert_eq!(game.lines(), [line, dot]);
    assert_eq!(game.pens(), [(ANN, 400, 400, true)]);
}

#[test]
fn another_color_is_another_line() {
    let mut game = Match::open(&Config::default(), 1);
    game.draw(&[(100, 100), (110, 100)]);
    game.step(&[(ANN, Input { color: 3, ..down((120, 100)) })]);
    game.step(&[(ANN, Input { color: 3, width: 0, ..down((130, 100)) })]);
    let inks: Vec<_> = game.lines().iter().map(|line| (line.color, line.width, line.points.len())).collect();
    assert_eq!(inks, [(2, 5, 2), (3, 5, 1), (3, 1, 1)]);
}

#[test]
fn a_fast_pen_leaves_a_whole_line_in_pieces_that_join() {
    let mut game = Match::open(&Config::default(), 1);
    let corners = [(0, 0), (WIDTH - 1, HEIGHT - 1), (0, HEIGHT - 1), (WIDTH - 1, 0)];
    let way: Vec<_> = corners.into_iter().cycle().take(20).collect();
    game.draw(&way);
    let lines = game.lines();
    assert!(lines.len() > 5, "{} pieces", lines.len());
    for (line, next) in lines.iter().zip(&lines[1..]) {
        assert_eq!(line.points.len(), PIECE_STEPS_MAX + 1, "a piece is full before the next is begun");
        assert_eq!(line.points.last(), next.points.first());
    }
    let passed: BTreeSet<_> = lines.iter().flat_map(|line| line.points.clone()).collect();
    for (x, y) in corners {
        assert!(passed.contains(&(x.into(), y.into())), "({x}, {y})");
    }
    assert!(passed.iter().all(|point| is_on_paper(*point)));
}

#[test]
fn the_oldest_pieces_make_room() {
    let mut game = Match::open(&Config { pieces: 3 }, 1);
    for x in 0..5 {
        game.draw(&[(x, 0)]);
        game.step(&[(ANN, Input { hand: Hand::Over, ..down((x, 0)) })]);
    }
    assert_eq!(game.lines().iter().map(|line| line.number).collect::<Vec<_>>(), [2, 3, 4]);
}

#[test]
fn a_pen_draws_on_when_its_piece_made_room() {
    let mut game = Match::open(&Config { pieces: 1 }, 2);
    let pens = |x| [(ANN, down((x, 10))), (BOB, down((x, 20)))];
    game.step(&pens(0));
    game.step(&pens(10));
    // Each takes the other's place, at every tick.
    let lines = game.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].points, [(0, 20), (10, 20)]);
}

#[test]
fn cleared_paper_is_blank_and_can_be_drawn_on() {
    let mut game = Match::open(&Config::default(), 2);
    game.draw(&[(100, 100), (110, 100)]);
    game.with(|rules, ctx| rules.message(ctx, BOB, &Message::Clear));
    assert_eq!(game.lines(), []);
    assert_eq!(game.events.iter().collect::<Vec<_>>(), [(None, &Event::Cleared { by: BOB })]);
    game.draw(&[(120, 100)]);
    assert_eq!(game.lines()[0].points, [(110, 100), (120, 100)]);
}

#[test]
fn a_pen_that_is_away_is_not_seen_and_one_beyond_the_paper_is_at_its_edge() {
    let mut game = Match::open(&Config::default(), 2);
    assert_eq!(game.pens(), []);
    game.step(&[(ANN, Input { hand: Hand::Over, x: 1023, y: 1023, ..Input::default() })]);
    assert_eq!(game.pens(), [(ANN, WIDTH - 1, HEIGHT - 1, false)]);
    game.step(&[(ANN, Input::default())]);
    assert_eq!(game.pens(), []);
}

#[test]
fn who_leaves_takes_the_pen_and_the_last_one_the_drawing() {
    let mut game = Match::open(&Config::default(), 2);
    game.draw(&[(100, 100), (110, 100)]);
    game.with(|rules, ctx| rules.leave(ctx, ANN, LeaveReason::Left));
    assert_eq!((game.pens().len(), game.lines().len()), (0, 1));
    game.with(|rules, ctx| rules.leave(ctx, BOB, LeaveReason::Lost));
    assert_eq!(game.lines(), [], "who comes next begins with blank paper");
}

#[test]
fn pilots_draw_and_rest() {
    let mut game = Match::open(&Config::default(), 2);
    let mut minds: [_; 2] = Default::default();
    let mut rng = Rng::new(1, 2);
    let mut rests = 0;
    for _ in 0..60 * Canvas::TICK_HZ {
        let views: Vec<_> = (1..).map(|id| EntityId::new(id).unwrap()).zip(game.views()).collect();
        let inputs = [ANN, BOB].map(|me| {
            let seen = Seen { tick: game.tick, tick_hz: Canvas::TICK_HZ, me, own: None, views: &views };
            (me, game.rules.pilot(&mut minds[usize::from(me.0)], &seen, &mut rng))
        });
        rests += inputs.iter().filter(|(_, input)| input.hand == Hand::Over).count();
        game.step(&inputs);
    }
    let lines = game.lines();
    assert!((10..100).contains(&lines.len()), "{} pieces", lines.len());
    assert!(lines.iter().flat_map(|line| &line.points).all(|point| is_on_paper(*point)));
    assert!(lines.iter().map(|line| line.color).collect::<BTreeSet<_>>().len() > 1);
    assert!(lines.iter().all(|line| line.color < COLORS));
    assert!(rests > 20 * usize::from(Canvas::TICK_HZ), "they rest for {rests} ticks");
}

#[test]
fn a_config_error_names_the_field() {
    let error = Canvas::new(&Config { pieces: 1001 }).err().unwrap();
    assert_eq!(error.to_string(), "`pieces`: 1001 is not from 1 to 1000");
}

fn is_on_paper((x, y): (i32, i32)) -> bool {
    (0..i32::from(WIDTH)).contains(&x) && (0..i32::from(HEIGHT)).contains(&y)
}
