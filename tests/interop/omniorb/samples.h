// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The two sample values of every type, and how two values are compared: as two Anys.
#pragma once

#include <omniORB4/CORBA.h>
#include <omniORB4/dynAny.h>

#include <cstring>
#include <string>

#include "types.hh"

namespace samples {

extern CORBA::ORB_var orb;

// A reference of a Target that nobody serves, in big-endian.
extern const char* const TARGET;

inline CORBA::Short short_(int n) { return n ? 32767 : -32768; }
inline CORBA::UShort ushort_(int n) { return n ? 65535 : 1; }
inline CORBA::Long long_(int n) { return n ? 2147483647 : -2147483647 - 1; }
inline CORBA::ULong ulong_(int n) { return n ? 4294967295u : 0x01020304u; }
inline CORBA::LongLong longlong_(int n) { return n ? 0x0102030405060708LL : -9223372036854775807LL - 1; }
inline CORBA::ULongLong ulonglong_(int n) { return n ? 18446744073709551615ULL : 0x0102030405060708ULL; }
inline CORBA::Float float_(int n) { return n ? -0.15625f : 3.4028234e38f; }
inline CORBA::Double double_(int n) { return n ? -2.2250738585072014e-308 : 1.7976931348623157e308; }
inline CORBA::LongDouble longdouble_(int n) { return n ? -2.0L : 1.5L; }
inline CORBA::Char char_(int n) { return n ? '~' : 'q'; }
inline CORBA::WChar wchar_(int n) { return n ? L'\u65e5' : L'\u00e9'; }
inline CORBA::Boolean boolean_(int n) { return n == 0; }
inline CORBA::Octet octet_(int n) { return n ? 255 : 128; }
inline const char* string_(int n) { return n ? "" : "hello, world"; }
inline const CORBA::WChar* wstring_(int n) { return n ? L"" : L"gr\u00fc\u00df \u65e5\u672c"; }
inline const char* label_(int n) { return n ? "12345678" : "short"; }
inline const CORBA::WChar* widelabel_(int n) { return n ? L"\u00e9\u00e8" : L"12345678"; }
inline Interop::Money money_(int n) { return Interop::Money(CORBA::Fixed(n ? "-0.01" : "1234567.89")); }
inline Interop::Wide wide_(int n) {
    return Interop::Wide(CORBA::Fixed(n ? "-1.0000000001" : "123456789012345678901.0123456789"));
}
// What copying omniORB's structs and unions with a fixed member loses: its digits.
template <class T> void mend(T&) {}
inline void mend(Interop::ByShort& v) { if (v._d() == 32767) v.high().PR_setLimits(9, 2); }
inline void mend(Interop::Arms& v) { if (v._d() == 17) v.r().PR_setLimits(9, 2); }
inline void mend(Interop::ArmsSeq& v) { for (CORBA::ULong i = 0; i < v.length(); ++i) mend(v[i]); }
inline void mend(Interop::Members& v) { v.r.PR_setLimits(9, 2); }
inline void mend(Interop::Arrays& v) { v.r[0].PR_setLimits(9, 2), v.r[1].PR_setLimits(9, 2); }
template <class T> T* copied(const T& v) {
    T* copy = new T(v);
    mend(*copy);
    return copy;
}

inline Interop::Color color_(int n) { return n ? Interop::BLUE : Interop::GREEN; }

inline Interop::Cell cell_(int n) {
    Interop::Cell v;
    v.o = n ? 1 : 2;
    v.d = n ? 0.5 : -0.25;
    v.s = n ? 3 : -4;
    v.b = n == 0;
    return v;
}

inline Interop::DoubleSeq doubles(int n) {
    Interop::DoubleSeq v;
    v.length(n ? 0 : 3);
    for (CORBA::ULong i = 0; i < v.length(); ++i) v[i] = 1.5 * (i + 1);
    return v;
}

inline Interop::Record record_(int n) {
    Interop::Record v;
    v.id = n ? 7 : -1;
    v.name = n ? "second" : "first";
    v.values = doubles(n);
    v.tint = color_(n);
    v.inner = cell_(n);
    return v;
}

inline CORBA::Any any_(int n) {
    CORBA::Any v;
    if (n)
        v <<= CORBA::Long(42);
    else
        v <<= record_(0);
    return v;
}

inline CORBA::TypeCode_ptr typecode_(int n) {
    return CORBA::TypeCode::_duplicate(n ? CORBA::_tc_long : Interop::_tc_Tree);
}
inline CORBA::Object_ptr object_(int n) { return n ? CORBA::Object::_nil() : orb->string_to_object(TARGET); }
inline Interop::Target_ptr target_(int n) {
    CORBA::Object_var o = object_(n);
    return Interop::Target::_unchecked_narrow(o);
}

inline Interop::ByLong bylong_(int n) {
    Interop::ByLong v;
    if (n)
        v.l(5), v._d(2);
    else
        v.d(2.5), v._d(77);
    return v;
}
inline Interop::ByColor bycolor_(int n) {
    Interop::ByColor v;
    if (n)
        v._default();
    else
        v.text("green");
    return v;
}
inline Interop::ByBoolean byboolean_(int n) {
    Interop::ByBoolean v;
    if (n)
        v.no(record_(0));
    else
        v.yes("yes");
    return v;
}
inline Interop::Blob blob_(int n) {
    Interop::Blob v;
    v.length(n ? 0 : 5);
    for (CORBA::ULong i = 0; i < v.length(); ++i) v[i] = CORBA::Octet(i * 50);
    return v;
}
inline Interop::ByChar bychar_(int n) {
    Interop::ByChar v;
    if (n)
        v.z(blob_(0));
    else
        v.a(-7);
    return v;
}
inline Interop::ByULongLong byulonglong_(int n) {
    Interop::ByULongLong v;
    if (n)
        v.least(9);
    else
        v.most(-5);
    return v;
}
inline Interop::ByShort byshort_(int n) {
    Interop::ByShort v;
    if (n)
        v.high(money_(0));
    else
        v.low(any_(1));
    return v;
}
inline Interop::Tree tree_(int n) {
    Interop::Tree v;
    v.value = n;
    if (n) return v;
    v.children.length(2);
    v.children[0].value = 10;
    v.children[1].value = 20;
    v.children[1].children.length(1);
    v.children[1].children[0].value = 30;
    return v;
}
inline Interop::Term term_(int n) {
    Interop::Term v;
    if (n) {
        v.literal(3);
        return v;
    }
    Interop::TermSeq parts;
    parts.length(2);
    parts[0].literal(1);
    parts[1].operands(Interop::TermSeq());
    v.operands(parts);
    return v;
}
inline Interop::UpToFour uptofour_(int n) {
    Interop::UpToFour v;
    v.length(n ? 4 : 2);
    for (CORBA::ULong i = 0; i < v.length(); ++i) v[i] = -CORBA::Long(i);
    return v;
}
inline Interop::Ragged ragged_(int n) {
    Interop::Ragged v;
    if (n) return v;
    v.length(2);
    v[0] = doubles(0);
    return v;
}
inline Interop::StringSeq stringseq_(int n) {
    Interop::StringSeq v;
    if (n) return v;
    v.length(3);
    v[0] = "a";
    v[1] = "";
    v[2] = "ccc";
    return v;
}
inline Interop::RecordSeq recordseq_(int n) {
    Interop::RecordSeq v;
    if (n) return v;
    v.length(2);
    v[0] = record_(0);
    v[1] = record_(1);
    return v;
}
inline void grid_(int n, Interop::Grid v) {
    for (int i = 0; i < 2; ++i)
        for (int j = 0; j < 3; ++j) v[i][j] = (n ? -1 : 1) * (10 * i + j);
}
inline void words_(int n, Interop::Words v) {
    v[0][0] = n ? "x" : "north";
    v[0][1] = n ? "" : "east";
    v[1][0] = n ? "" : "south";
    v[1][1] = n ? "y" : "west";
}
inline void cells_(int n, Interop::Cells v) {
    v[0] = cell_(n);
    v[1] = cell_(1 - n);
}
inline Interop::Grids grids_(int n) {
    Interop::Grids v;
    v.length(n ? 1 : 2);
    for (CORBA::ULong i = 0; i < v.length(); ++i) grid_(int(i), v[i]);
    return v;
}

inline Interop::Members members_(int n) {
    Interop::Members v;
    v.a = short_(n), v.b = ushort_(n), v.c = long_(n), v.d = ulong_(n), v.e = longlong_(n), v.f = ulonglong_(n);
    v.g = float_(n), v.h = double_(n), v.j = char_(n), v.k = wchar_(n), v.l = boolean_(n), v.m = octet_(n);
    v.n = string_(n), v.o = wstring_(n), v.p = label_(n), v.q = widelabel_(n), v.r = money_(n), v.s = color_(n);
    v.t = cell_(n), v.u = record_(n), v.v = bylong_(n), v.w = any_(n), v.x = typecode_(n), v.y = object_(n);
    v.z = target_(n);
    grid_(n, v.aa);
    v.bb = uptofour_(n), v.cc = tree_(n);
    return v;
}

// Sample 0: both samples of each type; sample 1: nothing.
inline Interop::Sequences sequences_(int n) {
    Interop::Sequences v;
    if (n) return v;
    v.a.length(2), v.b.length(2), v.c.length(2), v.d.length(2), v.e.length(2), v.f.length(2), v.g.length(2);
    v.h.length(2), v.j.length(2), v.k.length(2), v.l.length(2), v.m.length(2), v.n.length(2), v.o.length(2);
    v.p.length(2), v.q.length(2), v.r.length(2), v.s.length(2), v.t.length(2), v.u.length(2), v.v.length(2);
    v.w.length(2), v.x.length(2), v.y.length(2), v.z.length(2), v.aa.length(2), v.bb.length(2), v.cc.length(2);
    for (int i = 0; i < 2; ++i) {
        v.a[i] = short_(i), v.b[i] = ushort_(i), v.c[i] = long_(i), v.d[i] = ulong_(i), v.e[i] = longlong_(i);
        v.f[i] = ulonglong_(i), v.g[i] = float_(i), v.h[i] = double_(i), v.j[i] = char_(i), v.k[i] = wchar_(i);
        v.l[i] = boolean_(i), v.m[i] = octet_(i), v.n[i] = string_(i), v.o[i] = wstring_(i), v.p[i] = label_(i);
        v.q[i] = widelabel_(i), v.r[i] = money_(i), v.s[i] = color_(i), v.t[i] = cell_(i), v.u[i] = record_(i);
        v.v[i] = bylong_(i), v.w[i] = any_(i), v.x[i] = typecode_(i), v.y[i] = object_(i), v.z[i] = target_(i);
        grid_(i, v.aa[i]);
        v.bb[i] = uptofour_(i), v.cc[i] = tree_(i);
    }
    return v;
}

inline Interop::Arrays arrays_(int n) {
    Interop::Arrays v;
    for (int k = 0; k < 2; ++k) {
        int i = n ? 1 - k : k;
        v.a[k] = short_(i), v.b[k] = ushort_(i), v.c[k] = long_(i), v.d[k] = ulong_(i), v.e[k] = longlong_(i);
        v.f[k] = ulonglong_(i), v.g[k] = float_(i), v.h[k] = double_(i), v.j[k] = char_(i), v.k[k] = wchar_(i);
        v.l[k] = boolean_(i), v.m[k] = octet_(i), v.n[k] = string_(i), v.o[k] = wstring_(i), v.p[k] = label_(i);
        v.q[k] = widelabel_(i), v.r[k] = money_(i), v.s[k] = color_(i), v.t[k] = cell_(i), v.u[k] = record_(i);
        v.v[k] = bylong_(i), v.w[k] = any_(i), v.x[k] = typecode_(i), v.y[k] = object_(i), v.z[k] = target_(i);
        grid_(i, v.aa[k]);
        v.bb[k] = uptofour_(i), v.cc[k] = tree_(i);
    }
    return v;
}

// The arm of discriminator `arm` with sample n of its type.
inline Interop::Arms arm(int arm, int n) {
    Interop::Arms v;
    Interop::Grid grid;
    CORBA::TypeCode_var typecode;
    CORBA::Object_var object;
    Interop::Target_var target;
    switch (arm) {
    case 0: v.a(short_(n)); break;
    case 1: v.b(ushort_(n)); break;
    case 2: v.c(long_(n)); break;
    case 3: v.d(ulong_(n)); break;
    case 4: v.e(longlong_(n)); break;
    case 5: v.f(ulonglong_(n)); break;
    case 6: v.g(float_(n)); break;
    case 7: v.h(double_(n)); break;
    case 9: v.j(char_(n)); break;
    case 10: v.k(wchar_(n)); break;
    case 11: v.l(boolean_(n)); break;
    case 12: v.m(octet_(n)); break;
    case 13: v.n(string_(n)); break;
    case 14: v.o(wstring_(n)); break;
    case 15: v.p(label_(n)); break;
    case 16: v.q(widelabel_(n)); break;
    case 17: v.r(money_(n)); break;
    case 18: v.s(color_(n)); break;
    case 19: v.t(cell_(n)); break;
    case 20: v.u(record_(n)); break;
    case 21: v.v(bycolor_(n)); break;
    case 22: v.w(any_(n)); break;
    case 23: typecode = typecode_(n), v.x(typecode); break;
    case 24: object = object_(n), v.y(object); break;
    case 25: target = target_(n), v.z(target); break;
    case 26: grid_(n, grid), v.aa(grid); break;
    case 27: v.bb(uptofour_(n)); break;
    case 28: v.cc(tree_(n)); break;
    default: v._default(); break;
    }
    return v;
}
// 0: the last arm; 1: a discriminator without one.
inline Interop::Arms arms_(int n) { return n ? arm(100, 0) : arm(28, 0); }
// 0: every arm with either sample; 1: none.
inline Interop::ArmsSeq armsseq_(int n) {
    Interop::ArmsSeq v;
    if (n) return v;
    for (int i = 0; i < 29; ++i) {
        if (i == 8) continue;
        CORBA::ULong at = v.length();
        v.length(at + 2);
        v[at] = arm(i, 0);
        v[at + 1] = arm(i, 1);
    }
    return v;
}

// Valuetypes: sample 1 is null.
inline Interop::Point* point_(int n) { return n ? 0 : new OBV_Interop::Point(3, -4); }
inline Interop::Line* line_(int n) {
    if (n) return 0;
    Interop::Point_var p = point_(0);
    CORBA::add_ref(p.in()), CORBA::add_ref(p.in());    // the constructor takes them over
    return new OBV_Interop::Line(p, p);
}
inline Interop::BoxedString* boxedstring_(int n) { return n ? 0 : new Interop::BoxedString("in a box"); }
inline Interop::BoxedLong* boxedlong_(int n) { return n ? 0 : new Interop::BoxedLong(-99); }
inline Interop::BoxedRecord* boxedrecord_(int n) { return n ? 0 : new Interop::BoxedRecord(record_(0)); }
inline Interop::BoxedBlob* boxedblob_(int n) {
    if (n) return 0;
    Interop::BoxedBlob* v = new Interop::BoxedBlob();
    v->length(2);
    (*v)[0] = 1, (*v)[1] = 254;
    return v;
}
inline Interop::Route shared_route(CORBA::Long n) {
    Interop::Route v;
    Interop::Point_var p = new OBV_Interop::Point(1, 2);
    CORBA::add_ref(p.in()), v.from = p;
    CORBA::add_ref(p.in()), v.to = p;
    v.via.length(n);
    for (CORBA::Long i = 0; i < n; ++i) CORBA::add_ref(p.in()), v.via[i] = p;
    return v;
}
inline Interop::Route route_(int n) { return n ? Interop::Route() : shared_route(2); }

// ---- into and out of an Any

template <class T> CORBA::Any pack(const T& v) { CORBA::Any a; a <<= v; return a; }
template <class T> CORBA::Any pack_copied(const T& v) { CORBA::Any a; a <<= copied(v); return a; }
template <> inline CORBA::Any pack(const Interop::ByShort& v) { return pack_copied(v); }
template <> inline CORBA::Any pack(const Interop::Arms& v) { return pack_copied(v); }
template <> inline CORBA::Any pack(const Interop::Members& v) { return pack_copied(v); }
template <> inline CORBA::Any pack(const Interop::Arrays& v) { return pack_copied(v); }
template <> inline CORBA::Any pack(const Interop::ArmsSeq& v) { return pack_copied(v); }
// To omniORB char and octet are one C++ type.
inline CORBA::Any pack_char(CORBA::Char v) { CORBA::Any a; a <<= CORBA::Any::from_char(v); return a; }
template <> inline CORBA::Any pack(const CORBA::WChar& v) { CORBA::Any a; a <<= CORBA::Any::from_wchar(v); return a; }
template <> inline CORBA::Any pack(const CORBA::Boolean& v) { CORBA::Any a; a <<= CORBA::Any::from_boolean(v); return a; }
template <> inline CORBA::Any pack(const CORBA::Octet& v) { CORBA::Any a; a <<= CORBA::Any::from_octet(v); return a; }
template <> inline CORBA::Any pack(const CORBA::Any& v) { CORBA::Any a; a <<= v; return a; }
template <CORBA::UShort D, CORBA::UShort S> CORBA::Any pack(const _omni_Fixed<D, S>& v) {
    CORBA::Any a;
    a <<= CORBA::Any::from_fixed(v, D, S);
    return a;
}
inline CORBA::Any pack_grid(const Interop::Grid v) { return pack(Interop::Grid_forany(Interop::Grid_dup(v))); }
inline CORBA::Any pack_words(const Interop::Words v) { return pack(Interop::Words_forany(Interop::Words_dup(v))); }
inline CORBA::Any pack_cells(const Interop::Cells v) { return pack(Interop::Cells_forany(Interop::Cells_dup(v))); }

template <class T> bool take(const CORBA::Any& a, T& v) { return a >>= v; }
inline bool take_char(const CORBA::Any& a, CORBA::Char& v) { return a >>= CORBA::Any::to_char(v); }
template <> inline bool take(const CORBA::Any& a, CORBA::WChar& v) { return a >>= CORBA::Any::to_wchar(v); }
template <> inline bool take(const CORBA::Any& a, CORBA::Boolean& v) { return a >>= CORBA::Any::to_boolean(v); }
template <> inline bool take(const CORBA::Any& a, CORBA::Octet& v) { return a >>= CORBA::Any::to_octet(v); }
template <class T> bool take_fixed_length(const CORBA::Any& a, T& v) {
    const T* p;
    if (!(a >>= p)) return false;
    v = *p;
    return true;
}
template <CORBA::UShort D, CORBA::UShort S> bool take_fixed_length(const CORBA::Any& a, _omni_Fixed<D, S>& v) {
    CORBA::Fixed f;
    if (!(a >>= CORBA::Any::to_fixed(f, D, S))) return false;
    v = f;
    return true;
}

// Compares with a cursor over both, since the padding inside what omniORB encodes is not set.
inline bool same(const CORBA::Any& a, const CORBA::Any& b) {
    CORBA::Object_var o = orb->resolve_initial_references("DynAnyFactory");
    DynamicAny::DynAnyFactory_var factory = DynamicAny::DynAnyFactory::_narrow(o);
    DynamicAny::DynAny_var left = factory->create_dyn_any(a), right = factory->create_dyn_any(b);
    bool equal = left->equal(right);
    left->destroy(), right->destroy();
    return equal;
}

// The bytes of a value, in which sharing shows.
template <class T> std::string value_bytes(T* v) {
    cdrMemoryStream s(0u, CORBA::Boolean(1));
    T::_NP_marshal(v, s);
    return std::string(static_cast<const char*>(s.bufPtr()), s.bufSize());
}
template <class T> bool same_value(T* a, T* b) { return value_bytes(a) == value_bytes(b); }

}  // namespace samples

using samples::pack;
using samples::same;
using samples::same_value;
