// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our end of `interop/types.idl`: a servant, and checks of whoever serves it.

pub mod client;
pub mod omniorb;
mod peer_values;
pub mod samples;
pub mod server;

/// What the IDL compiler made of `interop/types.idl`.
pub mod idl {
    upcall::include_idl!("types");
}

/// What the IDL compiler made of `interop/corbajs/echo.idl`.
pub mod scripted {
    upcall::include_idl!("echo");
}

/// The checks of types with wide characters, which GIOP 1.0 has no form for and omniORB does not know before GIOP 1.2.
pub const WIDE: &[&str] = &[
    "echo_w",
    "kept_w",
    "any_w",
    "echo_members",
    "kept_members",
    "any_members",
    "echo_sequences",
    "kept_sequences",
    "any_sequences",
    "echo_arrays",
    "kept_arrays",
    "any_arrays",
    "echo_armsseq",
    "kept_armsseq",
    "any_armsseq",
    "units_of",
];

/// Gives every `echo_…` operation of the IDL to a macro: how Rust passes its type, the type, and the names of the
/// operation, of the attribute's two halves and of the samples.
///
/// `copy`: by value everywhere; `text`: `&str`; `block`: `&[T]` of primitives; `list`: `&[T]` of others, a `Vec` to the
/// servant; `data`: `&T`; `object`: `Option<&T>`; `value`: `Option<Arc<T>>`. `long double` stands apart.
#[macro_export]
macro_rules! each_kind {
    (primitives, $with:ident) => {
        $with! {
            copy i16, echo_short, kept_short, set_kept_short, short;
            copy u16, echo_ushort, kept_ushort, set_kept_ushort, ushort;
            copy i32, echo_long, kept_long, set_kept_long, long;
            copy u32, echo_ulong, kept_ulong, set_kept_ulong, ulong;
            copy i64, echo_longlong, kept_longlong, set_kept_longlong, longlong;
            copy u64, echo_ulonglong, kept_ulonglong, set_kept_ulonglong, ulonglong;
            copy f32, echo_float, kept_float, set_kept_float, float;
            copy f64, echo_double, kept_double, set_kept_double, double;
            copy char, echo_char, kept_char, set_kept_char, char;
            copy char, echo_wchar, kept_wchar, set_kept_wchar, wchar;
            copy bool, echo_boolean, kept_boolean, set_kept_boolean, boolean;
            copy u8, echo_octet, kept_octet, set_kept_octet, octet;
            text String, echo_string, kept_string, set_kept_string, string;
            text String, echo_wstring, kept_wstring, set_kept_wstring, wstring;
            text String, echo_label, kept_label, set_kept_label, label;
            text String, echo_widelabel, kept_widelabel, set_kept_widelabel, widelabel;
            copy Fixed<9, 2>, echo_money, kept_money, set_kept_money, money;
            copy Fixed<31, 10>, echo_wide, kept_wide, set_kept_wide, wide;
            data Any, echo_any, kept_any, set_kept_any, any;
            data TypeCode, echo_typecode, kept_typecode, set_kept_typecode, typecode;
            object Option<ObjectRef>, echo_object, kept_object, set_kept_object, object;
            object Option<TargetRef>, echo_target, kept_target, set_kept_target, target;
        }
    };
    // Those of the primitives whose Rust type alone says what an Any holds.
    (anys, $with:ident) => {
        $with! {
            copy i16, echo_short, kept_short, set_kept_short, short;
            copy u16, echo_ushort, kept_ushort, set_kept_ushort, ushort;
            copy i32, echo_long, kept_long, set_kept_long, long;
            copy u32, echo_ulong, kept_ulong, set_kept_ulong, ulong;
            copy i64, echo_longlong, kept_longlong, set_kept_longlong, longlong;
            copy u64, echo_ulonglong, kept_ulonglong, set_kept_ulonglong, ulonglong;
            copy f32, echo_float, kept_float, set_kept_float, float;
            copy f64, echo_double, kept_double, set_kept_double, double;
            copy char, echo_char, kept_char, set_kept_char, char;
            copy bool, echo_boolean, kept_boolean, set_kept_boolean, boolean;
            copy u8, echo_octet, kept_octet, set_kept_octet, octet;
            text String, echo_string, kept_string, set_kept_string, string;
            copy Fixed<9, 2>, echo_money, kept_money, set_kept_money, money;
            copy Fixed<31, 10>, echo_wide, kept_wide, set_kept_wide, wide;
            data TypeCode, echo_typecode, kept_typecode, set_kept_typecode, typecode;
            object Option<ObjectRef>, echo_object, kept_object, set_kept_object, object;
            object Option<TargetRef>, echo_target, kept_target, set_kept_target, target;
        }
    };
    (composites, $with:ident) => {
        $with! {
            copy Color, echo_color, kept_color, set_kept_color, color;
            data Cell, echo_cell, kept_cell, set_kept_cell, cell;
            data Record, echo_record, kept_record, set_kept_record, record;
            data ByLong, echo_bylong, kept_bylong, set_kept_bylong, bylong;
            data ByColor, echo_bycolor, kept_bycolor, set_kept_bycolor, bycolor;
            data ByBoolean, echo_byboolean, kept_byboolean, set_kept_byboolean, byboolean;
            data ByChar, echo_bychar, kept_bychar, set_kept_bychar, bychar;
            data ByULongLong, echo_byulonglong, kept_byulonglong, set_kept_byulonglong, byulonglong;
            data ByShort, echo_byshort, kept_byshort, set_kept_byshort, byshort;
            data Tree, echo_tree, kept_tree, set_kept_tree, tree;
            data Term, echo_term, kept_term, set_kept_term, term;
            block Vec<i32> [i32], echo_uptofour, kept_uptofour, set_kept_uptofour, uptofour;
            list Vec<Vec<f64>>, echo_ragged, kept_ragged, set_kept_ragged, ragged;
            list Vec<String>, echo_stringseq, kept_stringseq, set_kept_stringseq, stringseq;
            list Vec<Record>, echo_recordseq, kept_recordseq, set_kept_recordseq, recordseq;
            block Bytes [u8], echo_blob, kept_blob, set_kept_blob, blob;
            data [[i32; 3]; 2], echo_grid, kept_grid, set_kept_grid, grid;
            data [[String; 2]; 2], echo_words, kept_words, set_kept_words, words;
            data [Cell; 2], echo_cells, kept_cells, set_kept_cells, cells;
            list Vec<[[i32; 3]; 2]>, echo_grids, kept_grids, set_kept_grids, grids;
            data Members, echo_members, kept_members, set_kept_members, members;
            data Sequences, echo_sequences, kept_sequences, set_kept_sequences, sequences;
            data Arrays, echo_arrays, kept_arrays, set_kept_arrays, arrays;
            data Arms, echo_arms, kept_arms, set_kept_arms, arms;
            list Vec<Arms>, echo_armsseq, kept_armsseq, set_kept_armsseq, armsseq;
        }
    };
    (values, $with:ident) => {
        $with! {
            value Option<Arc<Point>>, echo_point, kept_point, set_kept_point, point;
            value Option<Arc<Line>>, echo_line, kept_line, set_kept_line, line;
            value Option<Arc<BoxedString>>, echo_boxedstring, kept_boxedstring, set_kept_boxedstring, boxedstring;
            value Option<Arc<BoxedLong>>, echo_boxedlong, kept_boxedlong, set_kept_boxedlong, boxedlong;
            value Option<Arc<BoxedRecord>>, echo_boxedrecord, kept_boxedrecord, set_kept_boxedrecord, boxedrecord;
            value Option<Arc<BoxedBlob>>, echo_boxedblob, kept_boxedblob, set_kept_boxedblob, boxedblob;
            data Route, echo_route, kept_route, set_kept_route, route;
        }
    };
}
