// SPDX-License-Identifier: MIT OR Apache-2.0
//
// omniORB's checks of a Peer of types.idl, given by reference. Prints `ok NAME` or `FAIL NAME why` for each, and
// exits with 1 if one failed.
//
//     client [-ORB…] --peer URL [--only a,b,…] [--except a,b,…] [--native utf8|latin1]
//
// `--only` and `--except` name checks by how they begin.

#include <algorithm>
#include <cstdio>
#include <functional>
#include <mutex>
#include <set>
#include <sstream>
#include <vector>

#include "peer.h"

static CORBA::ORB_var orb;
static Interop::Peer_var peer;
static Options given;
static int failures = 0;

struct Wrong {
    std::string why;
};

static void expect(bool ok, const std::string& why) {
    if (!ok) throw Wrong{why};
}

static bool begins_with_one_of(const std::string& name, const std::string& list) {
    std::istringstream in(list);
    for (std::string start; std::getline(in, start, ',');)
        if (!start.empty() && name.compare(0, start.size(), start) == 0) return true;
    return false;
}

static bool wanted(const std::string& name) {
    if (given.count("--only") && !begins_with_one_of(name, given["--only"])) return false;
    return !begins_with_one_of(name, given["--except"]);
}

static std::string said(const CORBA::SystemException& e) {
    std::ostringstream out;
    const char* minor = e.NP_minorString();
    out << e._name() << " minor 0x" << std::hex << e.minor() << (minor ? " " : "") << (minor ? minor : "")
        << " completed " << e.completed();
    return out.str();
}

static void check(const std::string& name, const std::function<void()>& body) {
    if (!wanted(name)) return;
    std::string why;
    try {
        body();
        std::printf("ok %s\n", name.c_str());
        std::fflush(stdout);
        return;
    } catch (const Wrong& w) {
        why = w.why;
    } catch (const CORBA::SystemException& e) {
        why = said(e);
    } catch (const CORBA::Exception& e) {
        why = e._name();
    }
    ++failures;
    std::printf("FAIL %s %s\n", name.c_str(), why.c_str());
    std::fflush(stdout);
}

// ---- every type, as argument, result and attribute, and in an Any

#define ECHO_CHECKS(N, call, keep)                                                                                    \
    check("echo_" #N, [] { call });                                                                                   \
    check("kept_" #N, [] { keep });
#define GOT(what, x, y) expect(x, what " is not what was sent")

static void echoes() {
#define SAMPLE(N, i) samples::N##_(i)
#define PRIM(T, N)                                                                                                    \
    ECHO_CHECKS(N,                                                                                                    \
        T b = SAMPLE(N, 1); T c; T r = peer->echo_##N(SAMPLE(N, 0), b, c);                                            \
        expect(r == SAMPLE(N, 0), "result"); expect(b == SAMPLE(N, 0), "inout"); expect(c == SAMPLE(N, 1), "out");,   \
        peer->kept_##N(SAMPLE(N, 1)); expect(peer->kept_##N() == SAMPLE(N, 1), "attribute"); peer->kept_##N(SAMPLE(N, 0));)
#define CHR PRIM
#define TEXT(N, Var, dup)                                                                                             \
    ECHO_CHECKS(N,                                                                                                    \
        Var b = dup(SAMPLE(N, 1)); Var c; Var r = peer->echo_##N(SAMPLE(N, 0), b.inout(), c.out());                   \
        expect(same(pack(r.in()), pack(SAMPLE(N, 0))), "result"); expect(same(pack(b.in()), pack(SAMPLE(N, 0))), "inout"); \
        expect(same(pack(c.in()), pack(SAMPLE(N, 1))), "out");,                                                       \
        peer->kept_##N(SAMPLE(N, 1)); Var r = peer->kept_##N(); expect(same(pack(r.in()), pack(SAMPLE(N, 1))), "attribute"); \
        peer->kept_##N(SAMPLE(N, 0));)
#define STR(N) TEXT(N, CORBA::String_var, CORBA::string_dup)
#define WSTR(N) TEXT(N, CORBA::WString_var, CORBA::wstring_dup)
#define FIX(T, N)                                                                                                     \
    ECHO_CHECKS(N,                                                                                                    \
        T b = SAMPLE(N, 1); T c; T r = peer->echo_##N(SAMPLE(N, 0), b, c);                                            \
        expect(same(pack(r), pack(SAMPLE(N, 0))), "result"); expect(same(pack(b), pack(SAMPLE(N, 0))), "inout");      \
        expect(same(pack(c), pack(SAMPLE(N, 1))), "out");,                                                            \
        peer->kept_##N(SAMPLE(N, 1)); expect(same(pack(peer->kept_##N()), pack(SAMPLE(N, 1))), "attribute");          \
        peer->kept_##N(SAMPLE(N, 0));)
#define VAR(T, N)                                                                                                     \
    ECHO_CHECKS(N,                                                                                                    \
        T a = SAMPLE(N, 0); T b = SAMPLE(N, 1); samples::mend(a); samples::mend(b);                                   \
        T##_var c; T##_var r = peer->echo_##N(a, b, c.out());                                                         \
        expect(same(pack(r.in()), pack(SAMPLE(N, 0))), "result"); expect(same(pack(b), pack(SAMPLE(N, 0))), "inout"); \
        expect(same(pack(c.in()), pack(SAMPLE(N, 1))), "out");,                                                       \
        T s0 = SAMPLE(N, 0); T s1 = SAMPLE(N, 1); samples::mend(s0); samples::mend(s1);                               \
        peer->kept_##N(s1); T##_var r = peer->kept_##N();                                                             \
        expect(same(pack(r.in()), pack(s1)), "attribute"); peer->kept_##N(s0);)
#define ARR(T, N, declare_out, out)                                                                                   \
    ECHO_CHECKS(N,                                                                                                    \
        T a; T b; declare_out; samples::N##_(0, a); samples::N##_(1, b); T##_var r = peer->echo_##N(a, b, out);       \
        T s1; samples::N##_(1, s1);                                                                                   \
        expect(same(samples::pack_##N(r.in()), samples::pack_##N(a)), "result");                                      \
        expect(same(samples::pack_##N(b), samples::pack_##N(a)), "inout");                                            \
        expect(same(samples::pack_##N(c), samples::pack_##N(s1)), "out");,                                            \
        T s; samples::N##_(1, s); peer->kept_##N(s); T##_var r = peer->kept_##N();                                    \
        expect(same(samples::pack_##N(r.in()), samples::pack_##N(s)), "attribute"); samples::N##_(0, s); peer->kept_##N(s);)
#define FARR(T, N) ARR(T, N, T c, c)
#define VARR(T, N) ARR(T, N, T##_var c, c.out())
#define OBJ(T, N)                                                                                                     \
    ECHO_CHECKS(N,                                                                                                    \
        T##_var a = SAMPLE(N, 0); T##_var b = SAMPLE(N, 1); T##_var s1 = SAMPLE(N, 1); T##_var c;                     \
        T##_var r = peer->echo_##N(a, b.inout(), c.out());                                                            \
        expect(same(pack(r.in()), pack(a.in())), "result"); expect(same(pack(b.in()), pack(a.in())), "inout");        \
        expect(same(pack(c.in()), pack(s1.in())), "out");,                                                            \
        T##_var s0 = SAMPLE(N, 0); T##_var s1 = SAMPLE(N, 1); peer->kept_##N(s1); T##_var r = peer->kept_##N();       \
        expect(same(pack(r.in()), pack(s1.in())), "attribute"); peer->kept_##N(s0);)
#define VAL(T, N)                                                                                                     \
    ECHO_CHECKS(N,                                                                                                    \
        T##_var a = SAMPLE(N, 0); T##_var b = SAMPLE(N, 1); T##_var s1 = SAMPLE(N, 1); T##_var c;                     \
        T##_var r = peer->echo_##N(a, b.inout(), c.out());                                                            \
        expect(same_value<T>(r.in(), a.in()), "result"); expect(same_value<T>(b.in(), a.in()), "inout");        \
        expect(same_value<T>(c.in(), s1.in()), "out");,                                                            \
        T##_var s0 = SAMPLE(N, 0); peer->kept_##N(s0); T##_var r = peer->kept_##N();                                  \
        expect(same_value<T>(r.in(), s0.in()), "attribute");)
#include "kinds.def"
#undef PRIM
#undef CHR
#undef STR
#undef WSTR
#undef FIX
#undef VAR
#undef FARR
#undef VARR
#undef OBJ
#undef VAL
}

static void in_any(const char* kind, const std::function<CORBA::Any()>& zero,
                   const std::function<bool(const CORBA::Any&)>& is_one) {
    check(std::string("any_") + kind, [&] {
        CORBA::Any_var r = peer->in_any(kind, zero());
        expect(is_one(r.in()), "the result does not hold sample 1");
    });
}

static void anys() {
    typedef const CORBA::Any& In;
#define PRIM(T, N) in_any(#N, [] { return pack(SAMPLE(N, 0)); }, [](In a) { T v; return samples::take(a, v) && v == SAMPLE(N, 1); });
#define CHR(T, N)                                                                                                     \
    in_any(#N, [] { return samples::pack_char(SAMPLE(N, 0)); }, [](In a) { T v; return samples::take_char(a, v) && v == SAMPLE(N, 1); });
#define STR(N)                                                                                                        \
    in_any(#N, [] { return pack(SAMPLE(N, 0)); }, [](In a) {                                                                         \
        const char* v;                                                                                                \
        return ((a >>= v) || (a >>= CORBA::Any::to_string(v, 8))) && !std::strcmp(v, SAMPLE(N, 1));                   \
    });
#define WSTR(N)                                                                                                       \
    in_any(#N, [] { return pack(SAMPLE(N, 0)); }, [](In a) {                                                                         \
        const CORBA::WChar* v;                                                                                        \
        return ((a >>= v) || (a >>= CORBA::Any::to_wstring(v, 8))) && same(pack(v), pack(SAMPLE(N, 1)));              \
    });
#define FIX(T, N)                                                                                                     \
    in_any(#N, [] { return pack(SAMPLE(N, 0)); }, [](In a) {                                                                         \
        T v;                                                                                                          \
        return samples::take_fixed_length(a, v) && same(pack(v), pack(SAMPLE(N, 1)));                                 \
    });
#define VAR(T, N)                                                                                                     \
    in_any(#N, [] { return pack(SAMPLE(N, 0)); }, [](In a) {                                                                         \
        const T* v;                                                                                                   \
        return (a >>= v) && same(pack(*v), pack(SAMPLE(N, 1)));                                                       \
    });
#define FARR(T, N)                                                                                                    \
    {                                                                                                                 \
        in_any(#N, [] { T zero; samples::N##_(0, zero); return samples::pack_##N(zero); }, [](In a) {                                                                \
            T##_forany v;                                                                                             \
            T one;                                                                                                    \
            samples::N##_(1, one);                                                                                    \
            return (a >>= v) && same(samples::pack_##N(v), samples::pack_##N(one));                                   \
        });                                                                                                           \
    }
#define VARR(T, N) FARR(T, N)
#define OBJ(T, N)                                                                                                     \
    {                                                                                                                 \
        in_any(#N, [] { T##_var zero = SAMPLE(N, 0); return pack(zero.in()); }, [](In a) {                                                                        \
            T##_var one = SAMPLE(N, 1);                                                                               \
            return same(a, pack(one.in()));                                                                           \
        });                                                                                                           \
    }
#define VAL(T, N)                                                                                                     \
    {                                                                                                                 \
        in_any(#N, [] { T##_var zero = SAMPLE(N, 0); return pack(zero.in()); }, [](In a) {                                                                        \
            T* v;                                                                                                     \
            T##_var one = SAMPLE(N, 1);                                                                               \
            return (a >>= v) && same_value<T>(v, one.in());                                                        \
        });                                                                                                           \
    }
#include "kinds.def"
    check("any_nil", [] {
        CORBA::Any a;
        a <<= Interop::Target::_nil();
        expect(peer->any_is_nil(a), "nil is not nil");
    });
}

// ---- valuetypes

static void values() {
    check("value_sharing", [] {
        Interop::Point_var p = samples::point_(0), q = samples::point_(0);
        expect(peer->is_shared(p, p), "one value twice arrived as two");
        expect(!peer->is_shared(p, q), "two values arrived as one");
        expect(peer->shared_count(samples::shared_route(5)) == 6, "not shared in a struct and its sequence");
        Interop::Route_var r = peer->shared_route(5);
        expect(shared_count(r) == 6, "not shared in what came back");
    });
    check("value_cycle", [] {
        Interop::Node_var there = ring(7);
        expect(peer->ring_length(there) == 7, "the ring broke on its way there");
        Interop::Node_var back = peer->ring(9);
        expect(ring_length(back) == 9, "the ring broke on its way back");
        there->next(0), back->next(0);
    });
    check("value_derived", [] {
        Interop::Shape_var c = peer->circle(), s = peer->square();
        expect(kind_of(c) == "Circle c", "circle came as " + kind_of(c));
        expect(Interop::Circle::_downcast(c)->radius() == 2.5, "radius");
        expect(kind_of(s) == "Square s", "square came as " + kind_of(s));
        expect(Interop::Square::_downcast(s)->side() == 4.5, "side");
    });
    check("value_kind_of", [] {
        Interop::Shape_var c = new OBV_Interop::Circle("c2", 5, 2.5), s = new OBV_Interop::Shape("plain", 1);
        CORBA::String_var circle = peer->kind_of(c), shape = peer->kind_of(s), nil = peer->kind_of(0);
        expect(!std::strcmp(circle, "Circle c2"), circle.in());
        expect(!std::strcmp(shape, "Shape plain"), shape.in());
        expect(!std::strcmp(nil, "nil"), nil.in());
    });
    check("value_truncation", [] {
        // As if this end had never heard of Circle.
        CORBA::ValueFactory old = orb->lookup_value_factory(Interop::Circle::_PD_repoId);
        orb->unregister_value_factory(Interop::Circle::_PD_repoId);
        Interop::Shape_var c = peer->circle();
        CORBA::ValueFactory none = orb->register_value_factory(Interop::Circle::_PD_repoId, old);
        if (none) none->_remove_ref();
        expect(kind_of(c) == "Shape c", "circle came as " + kind_of(c));
    });
    check("value_abstract", [] {
        Interop::Described_var d = peer->named("n");
        CORBA::String_var text = d->describe();
        expect(!std::strcmp(text, "n"), text.in());
        Interop::Described_var mine = new NamedValue("mine");
        CORBA::String_var back = peer->label_of(mine);
        expect(!std::strcmp(back, "mine"), back.in());
    });
    check("value_abstract_interface", [] {
        Interop::Printable_var v = peer->to_print(1), o = peer->to_print(0);
        CORBA::String_var value = v->print(), object = o->print();
        expect(!std::strcmp(value, "value"), value.in());
        expect(!std::strcmp(object, "object"), object.in());
        CORBA::String_var there = peer->print_it(o);
        expect(!std::strcmp(there, "object"), there.in());
        Interop::Printable_var mine = new PrintableText("mine");
        CORBA::String_var printed = peer->print_it(mine);
        expect(!std::strcmp(printed, "mine"), printed.in());
    });
    check("value_base", [] {
        CORBA::ValueBase_var b = peer->base(1), p = peer->base(0);
        Interop::BoxedString* boxed = Interop::BoxedString::_downcast(b);
        expect(boxed && !std::strcmp(boxed->_value(), "boxed"), "not the boxed string");
        Interop::Point* point = Interop::Point::_downcast(p);
        expect(point && point->x() == 7 && point->y() == 8, "not the point");
        CORBA::String_var is = peer->base_is(b), nil = peer->base_is(0);
        expect(!std::strcmp(is, "BoxedString"), is.in());
        expect(!std::strcmp(nil, "nil"), nil.in());
    });
}

// ---- exceptions

static void exceptions() {
    check("exception_none", [] { expect(peer->user(0) == 0, "result"); });
    check("exception_plain", [] {
        try {
            peer->user(1);
        } catch (const Interop::Plain&) {
            return;
        }
        expect(false, "not raised");
    });
    check("exception_detailed", [] {
        try {
            peer->user(2);
        } catch (const Interop::Detailed& e) {
            CORBA::Long more = 0;
            expect(!std::strcmp(e.why, "detailed"), e.why.in());
            expect(same(pack(e.what), pack(samples::record_(0))), "the record in it");
            expect((e.more >>= more) && more == 42, "the any in it");
            return;
        }
        expect(false, "not raised");
    });
#define RAISED(E)                                                                                                     \
    check("exception_" #E, [] {                                                                                       \
        for (int completed = 0; completed < 3; ++completed) try {                                                     \
                peer->system(#E, 0x12345u + completed, completed);                                                    \
                expect(false, "not raised");                                                                          \
            } catch (const CORBA::E& e) {                                                                             \
                expect(e.minor() == 0x12345u + completed && e.completed() == completed, said(e));                     \
            }                                                                                                         \
    });
    RAISED(UNKNOWN) RAISED(BAD_PARAM) RAISED(NO_MEMORY) RAISED(IMP_LIMIT) RAISED(INV_OBJREF) RAISED(NO_PERMISSION)
    RAISED(INTERNAL) RAISED(MARSHAL) RAISED(INITIALIZE) RAISED(NO_IMPLEMENT) RAISED(BAD_TYPECODE) RAISED(BAD_OPERATION)
    RAISED(NO_RESOURCES) RAISED(NO_RESPONSE) RAISED(PERSIST_STORE) RAISED(BAD_INV_ORDER) RAISED(FREE_MEM)
    RAISED(INV_IDENT) RAISED(INV_FLAG) RAISED(INTF_REPOS) RAISED(BAD_CONTEXT) RAISED(OBJ_ADAPTER)
    RAISED(DATA_CONVERSION) RAISED(INV_POLICY) RAISED(TRANSACTION_REQUIRED) RAISED(TRANSACTION_ROLLEDBACK)
    RAISED(INVALID_TRANSACTION) RAISED(TRANSACTION_UNAVAILABLE) RAISED(TRANSACTION_MODE) RAISED(CODESET_INCOMPATIBLE)
    RAISED(REBIND) RAISED(TIMEOUT) RAISED(BAD_QOS)
    check("exception_attribute", [] {
        peer->limited(5);
        expect(peer->limited() == 5, "attribute");
        try {
            peer->limited(101);
            expect(false, "not raised");
        } catch (const CORBA::BAD_PARAM& e) {
            expect(e.minor() == 7, said(e));
        }
    });
    check("exception_no_such_object", [] {
        Interop::Target_var gone = peer->gone();
        try {
            CORBA::String_var name = gone->name();
            expect(false, "answered");
        } catch (const CORBA::OBJECT_NOT_EXIST&) {
        }
        expect(gone->_non_existent(), "_non_existent says it exists");
    });
}

// ---- objects

class CallbackImpl : public POA_Interop::Callback {
public:
    CORBA::Long called(CORBA::Long depth, Interop::Peer_ptr from) {
        Interop::Callback_var me = _this();
        return depth <= 0 ? 1 : from->call_back(me, depth - 1) + 1;
    }
    void told(CORBA::Long n) {
        std::lock_guard<std::mutex> hold(lock);
        all.push_back(n);
    }
    std::mutex lock;
    std::vector<CORBA::Long> all;
};

static std::string text(char* s) {
    CORBA::String_var hold = s;
    return s;
}

static void objects() {
    check("object_narrow", [] {
        Interop::Top_var top = peer->diamond();
        CORBA::Object_var o = peer->as_object();
        for (CORBA::Object_ptr from : {static_cast<CORBA::Object_ptr>(top.in()), o.in()}) {
            Interop::Left_var left = Interop::Left::_narrow(from);
            Interop::Right_var right = Interop::Right::_narrow(from);
            Interop::Bottom_var bottom = Interop::Bottom::_narrow(from);
            Interop::Target_var other = Interop::Target::_narrow(from);
            expect(!CORBA::is_nil(left) && !CORBA::is_nil(right) && !CORBA::is_nil(bottom), "is not what it is");
            expect(CORBA::is_nil(other), "is what it is not");
            expect(text(left->at_left()) == "left" && text(left->at_top()) == "top", "left");
            expect(text(right->at_right()) == "right" && text(right->who()) == "diamond", "right");
            expect(text(bottom->at_bottom()) == "bottom" && text(bottom->at_left()) == "left", "bottom");
        }
        expect(top->_is_a("IDL:test.upcall/Interop/Right:1.0"), "_is_a Right");
        expect(!top->_is_a("IDL:test.upcall/Interop/Target:1.0"), "_is_a Target");
    });
    check("object_narrowed_there", [] {
        Interop::Top_var top = peer->diamond();
        Interop::Target_var target = peer->new_target("t");
        expect(text(peer->narrowed(top)) == "Bottom", "Bottom");
        expect(text(peer->narrowed(target)) == "Target", "Target");
        expect(text(peer->narrowed(peer)) == "none", "none");
        expect(text(peer->narrowed(CORBA::Object::_nil())) == "none", "nil");
    });
    check("object_reference", [] {
        Interop::Target_var t = peer->new_target("named"), nil = peer->new_target("");
        expect(CORBA::is_nil(nil), "nil is not nil");
        expect(text(t->name()) == "named", "name");
        expect(text(peer->name_of(t)) == "named", "name through the peer");
        expect(text(peer->name_of(nil)) == "nil", "name of nil");
        Interop::Target_var again = peer->same(t);
        expect(again->_is_equivalent(t) && text(again->name()) == "named", "came back another");
        expect(!t->_non_existent(), "_non_existent");
        Interop::Target_var none = peer->same(nil);
        expect(CORBA::is_nil(none), "nil came back as something");
    });
    check("object_forward", [] {
        Interop::Target_var t = peer->forwarded();
        expect(text(t->name()) == "forwarded" && text(t->name()) == "forwarded", "name");
        CORBA::Object_var o = peer->forwarded();
        expect(!o->_non_existent(), "_non_existent");
    });
    check("callback", [] {
        CallbackImpl* callback = new CallbackImpl;
        Interop::Callback_var reference = callback->_this();
        expect(peer->call_back(reference, 1) == 2, "depth 1");
        expect(peer->call_back(reference, 6) == 6, "depth 6");
        peer->tell(reference, 20);
        for (int i = 0; i < 500; ++i) {
            {
                std::lock_guard<std::mutex> hold(callback->lock);
                if (callback->all.size() == 20) break;
            }
            omni_thread::sleep(0, 10000000);
        }
        std::lock_guard<std::mutex> hold(callback->lock);
        expect(callback->all.size() == 20, "not all oneways came");
        // This ORB serves one connection with several threads here, as nested callbacks need: it may swap neighbours.
        std::sort(callback->all.begin(), callback->all.end());
        for (int i = 0; i < 20; ++i) expect(callback->all[i] == i, "a oneway came twice and another not at all");
    });
}

// ---- messages

static bool is_made(const Interop::Blob& b, CORBA::ULong n) {
    if (b.length() != n) return false;
    for (CORBA::ULong i = 0; i < n; ++i)
        if (b[i] != octet_at(i)) return false;
    return true;
}

static void blob(CORBA::ULong n) {
    Interop::Blob_var made = peer->make(n);
    expect(is_made(made, n), "what was made is not what was asked for");
    CORBA::ULong sum = 0;
    for (CORBA::ULong i = 0; i < n; ++i) sum += made[i];
    expect(peer->sum(made) == sum, "sum");
}

static void messages() {
    check("oneway_order", [] {
        Interop::LongSeq_var before = peer->notes();
        for (int i = 0; i < 500; ++i) peer->note(i);
        Interop::LongSeq_var notes = peer->notes();
        expect(notes->length() == 500, "not all came before the call after them");
        for (int i = 0; i < 500; ++i) expect(notes[i] == i, "out of order");
    });
    for (CORBA::ULong n : {0u, 1u, 1000u, 8192u, 65537u, 1000001u})
        check("blob_" + std::to_string(n), [=] { blob(n); });
    check("large_64MiB", [] { blob(64u * 1024 * 1024 - 4096); });
    check("many_strings", [] {
        Interop::StringSeq_var all = peer->many(3000);
        expect(all->length() == 3000, "how many");
        for (CORBA::ULong i = 0; i < 3000; ++i) expect(("string " + std::to_string(i)) == all[i].in(), "which");
    });
    check("many_doubles", [] {
        Interop::DoubleSeq s;
        s.length(50000);
        for (CORBA::ULong i = 0; i < 50000; ++i) s[i] = i * 0.5;
        expect(peer->total(s) == 0.5 * 50000 * 49999 / 2, "total");
    });
    check("octets_of", [] {
        bool utf8 = given["--native"] == "utf8";
        // "grüß" in what this end calls a char, and what the servant has when it has decoded it
        const char* mine = utf8 ? "gr\xc3\xbc\xc3\x9f" : "gr\xfc\xdf";
        Interop::Blob_var there = peer->octets_of(mine);
        std::string has((const char*)there->get_buffer(), there->length());
        std::string expected = given["--theirs"] == "latin1" ? "gr\xfc\xdf" : "gr\xc3\xbc\xc3\x9f";
        expect(has == expected, "the servant has " + std::to_string(has.size()) + " octets");
        expect(text(peer->from_octets(there)) == mine, "did not come back");
    });
    check("units_of", [] {
        const CORBA::WChar s[] = {L'g', 0xfc, 0x65e5, 0xd83d, 0xde00, 0};    // the last two are one code point
        Interop::CodePoints_var u = peer->units_of(s);
        expect(u->length() == 5, "how many: " + std::to_string(u->length()));
        for (CORBA::ULong i = 0; i < 5; ++i) expect(u[i] == CORBA::ULong(s[i]), "which");
        CORBA::WString_var back = peer->from_units(u);
        expect(same(pack(back.in()), pack((const CORBA::WChar*)s)), "did not come back");
    });
    check("wait", [] { expect(peer->wait_for(20) == 20, "result"); });
}

int main(int argc, char** argv) {
    try {
        orb = CORBA::ORB_init(argc, argv, "omniORB4");
        samples::orb = orb;
        given = options(argc, argv);
        register_factories(orb);
        CORBA::Object_var root = orb->resolve_initial_references("RootPOA");
        PortableServer::POA_var poa = PortableServer::POA::_narrow(root);
        PortableServer::POAManager_var manager = poa->the_POAManager();
        manager->activate();
        CORBA::Object_var o = orb->string_to_object(given["--peer"].c_str());
        peer = Interop::Peer::_narrow(o);
        if (CORBA::is_nil(peer)) throw Wrong{"not a Peer"};
        // Nested callbacks leave several connections behind, over which oneways would come in any order.
        echoes(), anys(), values(), exceptions(), messages(), objects();
        check("shutdown", [] { peer->shutdown(); });
        orb->destroy();
    } catch (const Wrong& w) {
        std::printf("FAIL start %s\n", w.why.c_str());
        return 1;
    } catch (const CORBA::SystemException& e) {
        std::printf("FAIL start %s\n", said(e).c_str());
        return 1;
    } catch (const CORBA::Exception& e) {
        std::printf("FAIL start %s\n", e._name());
        return 1;
    }
    return failures ? 1 : 0;
}
