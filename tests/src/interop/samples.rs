// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two sample values of every type, the same as in `interop/omniorb/samples.h`.

use std::sync::{Arc, OnceLock};

use upcall::{Any, Bytes, Fixed, LongDouble, ObjectRef, Orb, TypeCode, Typed};

use super::idl::interop::{
    Arms, Arrays, BoxedBlob, BoxedLong, BoxedRecord, BoxedString, ByBoolean, ByChar, ByColor, ByLong,
    ByShort, ByULongLong, Cell, Color, Line, Members, Point, Record, Route, Sequences, TargetRef, Term, Tree,
};

/// A reference of a Target that nobody serves, in big-endian.
pub const TARGET: &str = concat!(
    "IOR:000000000000002349444c3a746573742e757063616c6c2f496e7465726f702f5461726765743a312e3000000000000100000000",
    "0000002c000102000000000a3132372e302e302e310000090000000d73616d706c652074617267657400000000000000",
);

static ORB: OnceLock<Orb> = OnceLock::new();

/// Sets the ORB that makes references of strings; the first one given stays.
pub fn use_orb(orb: &Orb) {
    ORB.get_or_init(|| orb.clone());
}

macro_rules! pairs {
    ($($name:ident: $type:ty = $zero:expr, $one:expr;)*) => {$(
        #[doc = concat!("The samples of ", stringify!($name), ".")]
        #[must_use]
        pub fn $name(n: usize) -> $type {
            if n == 0 { $zero } else { $one }
        }
    )*};
}

fn fixed<const D: u16, const S: i16>(text: &str) -> Fixed<D, S> {
    text.parse().expect("the sample fits its type")
}

fn reference<T: From<ObjectRef>>() -> T {
    let orb = ORB.get().expect("use_orb comes first");
    let object: ObjectRef = orb.resolve(TARGET).expect("the sample is a reference");
    object.into()
}

/// The x87 number of these 80 bits, as omniORB puts it on the wire of a little-endian machine.
const fn x87(sign_and_exponent: u128, mantissa: u128) -> LongDouble {
    LongDouble::from_bits(sign_and_exponent << 64 | mantissa)
}

/// The part of an x87 number that is not padding.
#[must_use]
pub fn x87_bits(value: LongDouble) -> u128 {
    value.to_bits() & ((1 << 80) - 1)
}

pairs! {
    short: i16 = i16::MIN, i16::MAX;
    ushort: u16 = 1, u16::MAX;
    long: i32 = i32::MIN, i32::MAX;
    ulong: u32 = 0x0102_0304, u32::MAX;
    longlong: i64 = i64::MIN, 0x0102_0304_0506_0708;
    ulonglong: u64 = 0x0102_0304_0506_0708, u64::MAX;
    float: f32 = f32::MAX, -0.156_25;
    double: f64 = f64::MAX, -f64::MIN_POSITIVE;
    longdouble: LongDouble = x87(0x3fff, 0xc000_0000_0000_0000), x87(0xc000, 0x8000_0000_0000_0000);
    char: char = 'q', '~';
    wchar: char = 'é', '日';
    boolean: bool = true, false;
    octet: u8 = 128, 255;
    string: String = "hello, world".into(), String::new();
    wstring: String = "grüß 日本".into(), String::new();
    label: String = "short".into(), "12345678".into();
    widelabel: String = "12345678".into(), "éè".into();
    money: Fixed<9, 2> = fixed("1234567.89"), fixed("-0.01");
    wide: Fixed<31, 10> = fixed("123456789012345678901.0123456789"), fixed("-1.0000000001");
    any: Any = Any::from(record(0)), Any::from(42_i32);
    typecode: TypeCode = Tree::type_code(), i32::type_code();
    object: Option<ObjectRef> = Some(reference()), None;
    target: Option<TargetRef> = Some(reference()), None;
    color: Color = Color::Green, Color::Blue;
    cell: Cell = Cell { o: 2, d: -0.25, s: -4, b: true }, Cell { o: 1, d: 0.5, s: 3, b: false };
    doubles: Vec<f64> = vec![1.5, 3.0, 4.5], Vec::new();
    bylong: ByLong = ByLong::D(77, 2.5), ByLong::L(2, 5);
    bycolor: ByColor = ByColor::Text("green".into()), ByColor::Default(Color::Blue);
    byboolean: ByBoolean = ByBoolean::Yes("yes".into()), ByBoolean::No(record(0));
    blob: Bytes = Bytes::from_static(&[0, 50, 100, 150, 200]), Bytes::new();
    bychar: ByChar = ByChar::A(-7), ByChar::Z(blob(0));
    byulonglong: ByULongLong = ByULongLong::Most(-5), ByULongLong::Least(9);
    byshort: ByShort = ByShort::Low(any(1)), ByShort::High(money(0));
    term: Term = Term::Operands(vec![Term::Literal(1), Term::Operands(Vec::new())]), Term::Literal(3);
    uptofour: Vec<i32> = vec![0, -1], vec![0, -1, -2, -3];
    ragged: Vec<Vec<f64>> = vec![doubles(0), Vec::new()], Vec::new();
    stringseq: Vec<String> = vec!["a".into(), String::new(), "ccc".into()], Vec::new();
    recordseq: Vec<Record> = vec![record(0), record(1)], Vec::new();
    cells: [Cell; 2] = [cell(0), cell(1)], [cell(1), cell(0)];
    grids: Vec<[[i32; 3]; 2]> = vec![grid(0), grid(1)], vec![grid(0)];
    point: Option<Arc<Point>> = Some(Arc::new(Point::new(3, -4))), None;
    boxedstring: Option<Arc<BoxedString>> = Some(Arc::new(BoxedString::new("in a box".into()))), None;
    boxedlong: Option<Arc<BoxedLong>> = Some(Arc::new(BoxedLong::new(-99))), None;
    boxedrecord: Option<Arc<BoxedRecord>> = Some(Arc::new(BoxedRecord::new(record(0)))), None;
    boxedblob: Option<Arc<BoxedBlob>> = Some(Arc::new(BoxedBlob::new(Bytes::from_static(&[1, 254])))), None;
    route: Route = shared_route(2), Route { from: None, to: None, via: Vec::new() };
}

/// The samples of line: from a point to itself, the same value twice.
#[must_use]
pub fn line(n: usize) -> Option<Arc<Line>> {
    let point = point(n)?;
    Some(Arc::new(Line::new(Some(Arc::clone(&point)), Some(point))))
}

/// The samples of record.
#[must_use]
pub fn record(n: usize) -> Record {
    Record {
        id: if n == 0 { -1 } else { 7 },
        name: if n == 0 { "first" } else { "second" }.into(),
        values: doubles(n),
        tint: color(n),
        inner: cell(n),
    }
}

/// The samples of tree.
#[must_use]
pub fn tree(n: usize) -> Tree {
    let leaf = |value| Tree {
        value,
        children: Vec::new(),
    };
    if n != 0 {
        return leaf(1);
    }
    let branch = Tree {
        value: 20,
        children: vec![leaf(30)],
    };
    Tree {
        value: 0,
        children: vec![leaf(10), branch],
    }
}

/// The samples of grid.
#[must_use]
pub fn grid(n: usize) -> [[i32; 3]; 2] {
    let sign = if n == 0 { 1 } else { -1 };
    [[0, sign, 2 * sign], [10 * sign, 11 * sign, 12 * sign]]
}

/// The samples of words.
#[must_use]
pub fn words(n: usize) -> [[String; 2]; 2] {
    let words = if n == 0 {
        [["north", "east"], ["south", "west"]]
    } else {
        [["x", ""], ["", "y"]]
    };
    words.map(|line| line.map(str::to_owned))
}

/// The samples of members.
#[must_use]
pub fn members(n: usize) -> Members {
    Members {
        a: short(n),
        b: ushort(n),
        c: long(n),
        d: ulong(n),
        e: longlong(n),
        f: ulonglong(n),
        g: float(n),
        h: double(n),
        j: char(n),
        k: wchar(n),
        l: boolean(n),
        m: octet(n),
        n: string(n),
        o: wstring(n),
        p: label(n),
        q: widelabel(n),
        r: money(n),
        s: color(n),
        t: cell(n),
        u: record(n),
        v: bylong(n),
        w: any(n),
        x: typecode(n),
        y: object(n),
        z: target(n),
        aa: grid(n),
        bb: uptofour(n),
        cc: tree(n),
    }
}

macro_rules! of_each {
    ($struct:ident, $octets:expr, $pair:expr) => {
        $struct {
            a: $pair(short),
            b: $pair(ushort),
            c: $pair(long),
            d: $pair(ulong),
            e: $pair(longlong),
            f: $pair(ulonglong),
            g: $pair(float),
            h: $pair(double),
            j: $pair(char),
            k: $pair(wchar),
            l: $pair(boolean),
            m: $octets,
            n: $pair(string),
            o: $pair(wstring),
            p: $pair(label),
            q: $pair(widelabel),
            r: $pair(money),
            s: $pair(color),
            t: $pair(cell),
            u: $pair(record),
            v: $pair(bylong),
            w: $pair(any),
            x: $pair(typecode),
            y: $pair(object),
            z: $pair(target),
            aa: $pair(grid),
            bb: $pair(uptofour),
            cc: $pair(tree),
        }
    };
}

/// The samples of sequences: both samples of each type, or nothing.
#[must_use]
pub fn sequences(n: usize) -> Sequences {
    fn both<T>(sample: fn(usize) -> T) -> Vec<T> {
        vec![sample(0), sample(1)]
    }
    if n == 0 {
        of_each!(Sequences, Bytes::from(both(octet)), both)
    } else {
        Sequences::default()
    }
}

/// The samples of arrays: both samples of each type, in this order or the other.
#[must_use]
pub fn arrays(n: usize) -> Arrays {
    fn forth<T>(sample: fn(usize) -> T) -> [T; 2] {
        [sample(0), sample(1)]
    }
    fn back<T>(sample: fn(usize) -> T) -> [T; 2] {
        [sample(1), sample(0)]
    }
    if n == 0 {
        of_each!(Arrays, forth(octet), forth)
    } else {
        of_each!(Arrays, back(octet), back)
    }
}

/// The samples of arms: the last arm, and a discriminator without one.
#[must_use]
pub fn arms(n: usize) -> Arms {
    if n == 0 {
        Arms::Cc(tree(0))
    } else {
        Arms::Default(8)
    }
}

/// The samples of a sequence of arms: every arm with either sample, or none.
#[must_use]
pub fn armsseq(n: usize) -> Vec<Arms> {
    if n != 0 {
        return Vec::new();
    }
    macro_rules! arms {
        ($($arm:ident $sample:ident)*) => {
            vec![$(Arms::$arm($sample(0)), Arms::$arm($sample(1))),*]
        };
    }
    arms![
        A short B ushort C long D ulong E longlong F ulonglong G float H double J char K wchar L boolean M octet
        N string O wstring P label Q widelabel R money S color T cell U record V bycolor W any X typecode Y object
        Z target Aa grid Bb uptofour Cc tree
    ]
}

/// A route whose points are all one and the same value, `n` of them on the way.
#[must_use]
pub fn shared_route(n: usize) -> Route {
    let point = Some(Arc::new(Point::new(1, 2)));
    Route {
        from: point.clone(),
        to: point.clone(),
        via: vec![point; n],
    }
}

/// What octet `i` of a made blob is.
#[must_use]
pub fn octet_at(i: u32) -> u8 {
    i.wrapping_mul(7).wrapping_add(i / 256).to_le_bytes()[0]
}

/// The octets added up, modulo 2³².
#[must_use]
pub fn sum(octets: &[u8]) -> u32 {
    octets
        .iter()
        .fold(0, |sum: u32, octet| sum.wrapping_add((*octet).into()))
}
