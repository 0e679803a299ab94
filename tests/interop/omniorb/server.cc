// SPDX-License-Identifier: MIT OR Apache-2.0
//
// omniORB's end of types.idl: checks what arrives, answers, and forwards. Prints its reference and serves until it is
// told to shut down, or its standard input ends.
//
//     server [-ORB…] [--naming PATH]

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <mutex>
#include <thread>

#include "peer.h"

static CORBA::ORB_var orb;
static PortableServer::POA_var root;

static void expect(bool ok, const char* what) {
    if (ok) return;
    std::fprintf(stderr, "server: %s is not the sample\n", what);
    throw CORBA::BAD_PARAM(1, CORBA::COMPLETED_NO);
}

template <class T> typename T::_ptr_type activated(PortableServer::ServantBase* servant, T*) {
    PortableServer::ObjectId_var id = root->activate_object(servant);
    CORBA::Object_var o = root->id_to_reference(id);
    servant->_remove_ref();
    return T::_narrow(o);
}

class TargetImpl : public POA_Interop::Target {
public:
    explicit TargetImpl(const char* name) : name_(name) {}
    char* name() { return CORBA::string_dup(name_.c_str()); }

private:
    std::string name_;
};

class BottomImpl : public POA_Interop::Bottom {
public:
    char* at_top() { return CORBA::string_dup("top"); }
    char* at_left() { return CORBA::string_dup("left"); }
    char* at_right() { return CORBA::string_dup("right"); }
    char* at_bottom() { return CORBA::string_dup("bottom"); }
    char* who() { return CORBA::string_dup("diamond"); }
};

class PrintableImpl : public POA_Interop::PrintableObject {
public:
    char* print() { return CORBA::string_dup("object"); }
};

// Sends whoever asks for an object of its adapter on to another.
class Forwarder : public POA_PortableServer::ServantActivator {
public:
    PortableServer::Servant incarnate(const PortableServer::ObjectId&, PortableServer::POA_ptr) {
        if (CORBA::is_nil(to_)) to_ = activated(new TargetImpl("forwarded"), (Interop::Target*)0);
        throw PortableServer::ForwardRequest(to_);
    }
    void etherealize(const PortableServer::ObjectId&, PortableServer::POA_ptr, PortableServer::Servant,
                     CORBA::Boolean, CORBA::Boolean) {}

private:
    Interop::Target_var to_;
};

class PeerImpl : public POA_Interop::Peer {
public:
    PeerImpl() { limited_ = 0; }

    // ---- echo

#define CHECK(N, a, b) expect(same(a, pack(samples::N##_(0))), #N " a"), expect(same(b, pack(samples::N##_(1))), #N " b")
#define PRIM(T, N)                                                                                                    \
    T echo_##N(T a, T& b, T& c) {                                                                                     \
        expect(a == samples::N##_(0), #N " a"), expect(b == samples::N##_(1), #N " b");                               \
        c = b, b = a;                                                                                                 \
        return a;                                                                                                     \
    }                                                                                                                 \
    T kept_##N() { return set_##N ? kept_##N##_ : samples::N##_(0); }                                                 \
    void kept_##N(T v) { kept_##N##_ = v, set_##N = true; }                                                           \
    bool set_##N = false;                                                                                             \
    T kept_##N##_;
#define TEXT(C, N, dup, Out, Var)                                                                                     \
    C* echo_##N(const C* a, C*& b, Out c) {                                                                           \
        CHECK(N, pack(a), pack((const C*)b));                                                                         \
        c = b, b = dup(a);                                                                                            \
        return dup(a);                                                                                                \
    }                                                                                                                 \
    C* kept_##N() { return dup(set_##N ? kept_##N##_.in() : samples::N##_(0)); }                                      \
    void kept_##N(const C* v) { kept_##N##_ = v, set_##N = true; }                                                    \
    bool set_##N = false;                                                                                             \
    Var kept_##N##_;
#define STR(N) TEXT(char, N, CORBA::string_dup, CORBA::String_out, CORBA::String_var)
#define WSTR(N) TEXT(CORBA::WChar, N, CORBA::wstring_dup, CORBA::WString_out, CORBA::WString_var)
#define FIX(T, N)                                                                                                     \
    T echo_##N(const T& a, T& b, T& c) {                                                                              \
        CHECK(N, pack(a), pack(b));                                                                                   \
        c = b, b = a;                                                                                                 \
        return a;                                                                                                     \
    }                                                                                                                 \
    T kept_##N() { return set_##N ? kept_##N##_ : samples::N##_(0); }                                                 \
    void kept_##N(const T& v) { kept_##N##_ = v, set_##N = true; }                                                    \
    bool set_##N = false;                                                                                             \
    T kept_##N##_;
#define VAR(T, N)                                                                                                     \
    T* echo_##N(const T& a, T& b, T##_out c) {                                                                        \
        CHECK(N, pack(a), pack(b));                                                                                   \
        c = samples::copied(b), b = a;                                                                                \
        samples::mend(b);                                                                                             \
        return samples::copied(a);                                                                                    \
    }                                                                                                                 \
    T* kept_##N() { return samples::copied(set_##N ? kept_##N##_ : samples::N##_(0)); }                               \
    void kept_##N(const T& v) { kept_##N##_ = v, set_##N = true; }                                                    \
    bool set_##N = false;                                                                                             \
    T kept_##N##_;
#define ARR(T, N, Out, give)                                                                                          \
    T##_slice* echo_##N(const T a, T b, Out c) {                                                                      \
        T s0, s1;                                                                                                     \
        samples::N##_(0, s0), samples::N##_(1, s1);                                                                   \
        expect(same(samples::pack_##N(a), samples::pack_##N(s0)), #N " a");                                           \
        expect(same(samples::pack_##N(b), samples::pack_##N(s1)), #N " b");                                           \
        give, T##_copy(b, a);                                                                                         \
        return T##_dup(a);                                                                                            \
    }                                                                                                                 \
    T##_slice* kept_##N() {                                                                                           \
        if (!set_##N) samples::N##_(0, kept_##N##_);                                                                  \
        return T##_dup(kept_##N##_);                                                                                  \
    }                                                                                                                 \
    void kept_##N(const T v) { T##_copy(kept_##N##_, v), set_##N = true; }                                            \
    bool set_##N = false;                                                                                             \
    T kept_##N##_;
#define FARR(T, N) ARR(T, N, T, T##_copy(c, b))
#define VARR(T, N) ARR(T, N, T##_out, c = T##_dup(b))
#define OBJ(T, N)                                                                                                     \
    T##_ptr echo_##N(T##_ptr a, T##_ptr& b, T##_out c) {                                                              \
        T##_var s0 = samples::N##_(0), s1 = samples::N##_(1);                                                         \
        expect(same(pack(a), pack(s0.in())), #N " a"), expect(same(pack(b), pack(s1.in())), #N " b");                 \
        c = b, b = T::_duplicate(a);                                                                                  \
        return T::_duplicate(a);                                                                                      \
    }                                                                                                                 \
    T##_ptr kept_##N() { return set_##N ? T::_duplicate(kept_##N##_) : samples::N##_(0); }                            \
    void kept_##N(T##_ptr v) { kept_##N##_ = T::_duplicate(v), set_##N = true; }                                      \
    bool set_##N = false;                                                                                             \
    T##_var kept_##N##_;
#define VAL(T, N)                                                                                                     \
    T* echo_##N(T* a, T*& b, T##_out c) {                                                                             \
        T##_var s0 = samples::N##_(0), s1 = samples::N##_(1);                                                         \
        expect(same_value<T>(a, s0.in()), #N " a"), expect(same_value<T>(b, s1.in()), #N " b");                 \
        CORBA::add_ref(a), CORBA::add_ref(a);                                                                         \
        c = b, b = a;                                                                                                 \
        return a;                                                                                                     \
    }                                                                                                                 \
    T* kept_##N() {                                                                                                   \
        if (!set_##N) return samples::N##_(0);                                                                        \
        CORBA::add_ref(kept_##N##_.in());                                                                             \
        return kept_##N##_;                                                                                           \
    }                                                                                                                 \
    void kept_##N(T* v) { CORBA::add_ref(v), kept_##N##_ = v, set_##N = true; }                                       \
    bool set_##N = false;                                                                                             \
    T##_var kept_##N##_;
#define CHR PRIM
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

    CORBA::Any* in_any(const char* kind, const CORBA::Any& a) {
        CORBA::Any_var result = new CORBA::Any;
        CORBA::Any& out = result.inout();
#define IS(N) if (!std::strcmp(kind, #N))
#define GIVE(N, taken, repacked, other)                                                                               \
    {                                                                                                                 \
        expect(taken, "an any of the wrong type: " #N);                                                               \
        expect(same(repacked, pack(samples::N##_(0))), #N " in an any");                                              \
        out = other;                                                                                                  \
    }
#define PRIM(T, N)                                                                                                    \
    IS(N) {                                                                                                           \
        T v;                                                                                                          \
        expect(samples::take(a, v), "an any of the wrong type: " #N);                                                 \
        expect(v == samples::N##_(0), #N " in an any");                                                               \
        out = pack(samples::N##_(1));                                                                                 \
    }
#define CHR(T, N)                                                                                                     \
    IS(N) {                                                                                                           \
        T v;                                                                                                          \
        expect(samples::take_char(a, v) && v == samples::char_(0), "char in an any");                                 \
        out = samples::pack_char(samples::char_(1));                                                                  \
    }
#define STR(N) IS(N) { const char* v; GIVE(N, take_text(a, v), pack(v), pack_text(samples::N##_(1), #N)) }
#define WSTR(N) IS(N) { const CORBA::WChar* v; GIVE(N, take_text(a, v), pack(v), pack_text(samples::N##_(1), #N)) }
#define FIX(T, N) IS(N) { T v; GIVE(N, samples::take_fixed_length(a, v), pack(v), pack(samples::N##_(1))) }
#define VAR(T, N) IS(N) { const T* v; GIVE(N, a >>= v, pack(*v), pack(samples::N##_(1))) }
#define FARR(T, N)                                                                                                    \
    IS(N) {                                                                                                           \
        T##_forany v;                                                                                                 \
        T s;                                                                                                          \
        expect(a >>= v, "an any of the wrong type: " #N);                                                             \
        samples::N##_(0, s);                                                                                          \
        expect(same(samples::pack_##N(v), samples::pack_##N(s)), #N " in an any");                                    \
        samples::N##_(1, s);                                                                                          \
        out = samples::pack_##N(s);                                                                                   \
    }
#define VARR(T, N) FARR(T, N)
#define OBJ(T, N)                                                                                                     \
    IS(N) {                                                                                                           \
        T##_var v, s0 = samples::N##_(0), s1 = samples::N##_(1);                                                      \
        expect(take_object(a, v), "an any of the wrong type: " #N);                                                   \
        expect(same(pack(v.in()), pack(s0.in())), #N " in an any");                                                   \
        out <<= s1.in();    /* a copy of an Any that holds a null value or nil can't be encoded */                   \
    }
#define VAL(T, N)                                                                                                     \
    IS(N) {                                                                                                           \
        T* v;                                                                                                         \
        T##_var s0 = samples::N##_(0), s1 = samples::N##_(1);                                                         \
        expect(a >>= v, "an any of the wrong type: " #N);                                                             \
        expect(same_value<T>(v, s0.in()), #N " in an any");                                                        \
        out <<= s1.in();    /* a copy of an Any that holds a null value or nil can't be encoded */                   \
    }
#include "kinds.def"
        return result._retn();
    }
    CORBA::Boolean any_is_nil(const CORBA::Any& a) {
        CORBA::Object_var o;
        return (a >>= CORBA::Any::to_object(o)) && CORBA::is_nil(o);
    }

    // ---- valuetypes

    CORBA::Boolean is_shared(Interop::Point* a, Interop::Point* b) { return a == b; }
    Interop::Route* shared_route(CORBA::Long n) { return new Interop::Route(samples::shared_route(n)); }
    CORBA::Long shared_count(const Interop::Route& r) { return ::shared_count(r); }
    Interop::Node* ring(CORBA::Long n) { return ::ring(n); }
    CORBA::Long ring_length(Interop::Node* first) { return ::ring_length(first); }
    Interop::Shape* circle() { return new OBV_Interop::Circle("c", 5, 2.5); }
    Interop::Shape* square() { return new OBV_Interop::Square("s", 6, 4.5); }
    char* kind_of(Interop::Shape* s) { return CORBA::string_dup(::kind_of(s).c_str()); }
    Interop::Described* named(const char* label) { return new NamedValue(label); }
    char* label_of(Interop::Described* d) { return d ? d->describe() : CORBA::string_dup("nil"); }
    Interop::Printable_ptr to_print(CORBA::Boolean as_value) {
        if (as_value) return new PrintableText("value");
        return activated(new PrintableImpl, (Interop::PrintableObject*)0);
    }
    char* print_it(Interop::Printable_ptr p) { return CORBA::is_nil(p) ? CORBA::string_dup("nil") : p->print(); }
    CORBA::ValueBase* base(CORBA::Boolean boxed) {
        if (boxed) return new Interop::BoxedString("boxed");
        return new OBV_Interop::Point(7, 8);
    }
    char* base_is(CORBA::ValueBase* v) {
        const char* is = !v ? "nil"
                         : Interop::Point::_downcast(v) ? "Point"
                         : Interop::BoxedString::_downcast(v) ? "BoxedString" : "other";
        return CORBA::string_dup(is);
    }

    // ---- exceptions

    CORBA::Long user(CORBA::Long which) {
        if (which == 1) throw Interop::Plain();
        if (which == 2) {
            CORBA::Any more;
            more <<= CORBA::Long(42);
            throw Interop::Detailed("detailed", samples::record_(0), more);
        }
        return which;
    }
    void system(const char* name, CORBA::ULong minor, CORBA::Long completed) {
        CORBA::CompletionStatus status = CORBA::CompletionStatus(completed);
#define RAISE(E) if (!std::strcmp(name, #E)) throw CORBA::E(minor, status);
        OMNIORB_FOR_EACH_SYS_EXCEPTION(RAISE)
#undef RAISE
    }
    CORBA::Long limited() { return limited_; }
    void limited(CORBA::Long v) {
        if (v > 100) throw CORBA::BAD_PARAM(7, CORBA::COMPLETED_NO);
        limited_ = v;
    }

    // ---- the rest

    void note(CORBA::Long n) {
        std::lock_guard<std::mutex> hold(lock_);
        CORBA::ULong at = notes_.length();
        notes_.length(at + 1);
        notes_[at] = n;
    }
    Interop::LongSeq* notes() {
        std::lock_guard<std::mutex> hold(lock_);
        Interop::LongSeq* all = new Interop::LongSeq(notes_);
        notes_.length(0);
        return all;
    }

    Interop::Top_ptr diamond() { return activated(new BottomImpl, (Interop::Bottom*)0); }
    CORBA::Object_ptr as_object() { return diamond(); }
    char* narrowed(CORBA::Object_ptr o) {
        const char* is = "none";
        if (is_a<Interop::Bottom>(o)) is = "Bottom";
        else if (is_a<Interop::Left>(o)) is = "Left";
        else if (is_a<Interop::Right>(o)) is = "Right";
        else if (is_a<Interop::Top>(o)) is = "Top";
        else if (is_a<Interop::Target>(o)) is = "Target";
        return CORBA::string_dup(is);
    }
    Interop::Target_ptr new_target(const char* name) {
        if (!*name) return Interop::Target::_nil();
        return activated(new TargetImpl(name), (Interop::Target*)0);
    }
    char* name_of(Interop::Target_ptr t) { return CORBA::is_nil(t) ? CORBA::string_dup("nil") : t->name(); }
    Interop::Target_ptr same(Interop::Target_ptr t) { return Interop::Target::_duplicate(t); }
    bool same(const CORBA::Any& a, const CORBA::Any& b) { return samples::same(a, b); }

    CORBA::Long call_back(Interop::Callback_ptr c, CORBA::Long depth) {
        if (depth <= 0) return 0;
        Interop::Peer_var me = _this();
        return c->called(depth - 1, me) + 1;
    }
    void tell(Interop::Callback_ptr c, CORBA::Long n) {
        for (CORBA::Long i = 0; i < n; ++i) c->told(i);
    }

    Interop::Target_ptr forwarded() { return by_name("forwarder", "anything"); }
    Interop::Target_ptr gone() {
        PortableServer::ObjectId_var id = root->activate_object(new TargetImpl("gone"));
        CORBA::Object_var o = root->id_to_reference(id);
        root->deactivate_object(id);
        return Interop::Target::_unchecked_narrow(o);
    }

    CORBA::ULong sum(const Interop::Blob& b) {
        CORBA::ULong total = 0;
        for (CORBA::ULong i = 0; i < b.length(); ++i) total += b[i];
        return total;
    }
    Interop::Blob* make(CORBA::ULong n) {
        Interop::Blob* b = new Interop::Blob(n);
        b->length(n);
        for (CORBA::ULong i = 0; i < n; ++i) (*b)[i] = octet_at(i);
        return b;
    }
    CORBA::Double total(const Interop::DoubleSeq& s) {
        CORBA::Double sum = 0;
        for (CORBA::ULong i = 0; i < s.length(); ++i) sum += s[i];
        return sum;
    }
    Interop::StringSeq* many(CORBA::ULong n) {
        Interop::StringSeq* all = new Interop::StringSeq(n);
        all->length(n);
        for (CORBA::ULong i = 0; i < n; ++i) (*all)[i] = ("string " + std::to_string(i)).c_str();
        return all;
    }

    Interop::Blob* octets_of(const char* s) {
        Interop::Blob* b = new Interop::Blob();
        b->length(std::strlen(s));
        std::memcpy(b->get_buffer(), s, std::strlen(s));
        return b;
    }
    char* from_octets(const Interop::Blob& b) {
        return CORBA::string_dup(std::string((const char*)b.get_buffer(), b.length()).c_str());
    }
    Interop::CodePoints* units_of(const CORBA::WChar* s) {
        Interop::CodePoints* all = new Interop::CodePoints();
        for (; *s; ++s) {
            CORBA::ULong at = all->length();
            all->length(at + 1);
            (*all)[at] = *s;
        }
        return all;
    }
    CORBA::WChar* from_units(const Interop::CodePoints& u) {
        std::wstring s;
        for (CORBA::ULong i = 0; i < u.length(); ++i) s.push_back(wchar_t(u[i]));
        return CORBA::wstring_dup(s.c_str());
    }

    CORBA::Long wait_for(CORBA::Long milliseconds) {
        std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
        return milliseconds;
    }
    void shutdown() { orb->shutdown(0); }

private:
    static bool take_text(const CORBA::Any& a, const char*& v) {
        return (a >>= v) || (a >>= CORBA::Any::to_string(v, 8));
    }
    static bool take_text(const CORBA::Any& a, const CORBA::WChar*& v) {
        return (a >>= v) || (a >>= CORBA::Any::to_wstring(v, 8));
    }
    static CORBA::Any pack_text(const char* v, const char* kind) {
        CORBA::Any a;
        a <<= CORBA::Any::from_string(v, std::strcmp(kind, "label") ? 0 : 8);
        return a;
    }
    static CORBA::Any pack_text(const CORBA::WChar* v, const char* kind) {
        CORBA::Any a;
        a <<= CORBA::Any::from_wstring(v, std::strcmp(kind, "widelabel") ? 0 : 8);
        return a;
    }
    static bool take_object(const CORBA::Any& a, CORBA::TypeCode_var& v) {
        CORBA::TypeCode_ptr t;
        if (!(a >>= t)) return false;
        v = CORBA::TypeCode::_duplicate(t);
        return true;
    }
    static bool take_object(const CORBA::Any& a, CORBA::Object_var& v) { return a >>= CORBA::Any::to_object(v); }
    static bool take_object(const CORBA::Any& a, Interop::Target_var& v) {
        Interop::Target_ptr t;
        if (!(a >>= t)) return false;
        v = Interop::Target::_duplicate(t);
        return true;
    }
    template <class T> static bool is_a(CORBA::Object_ptr o) {
        typename T::_var_type t = T::_narrow(o);
        return !CORBA::is_nil(t);
    }
    static Interop::Target_ptr by_name(const char* adapter, const char* id) {
        PortableServer::POA_var poa = root->find_POA(adapter, 0);
        PortableServer::ObjectId_var oid = PortableServer::string_to_ObjectId(id);
        CORBA::Object_var o = poa->create_reference_with_id(oid, Interop::Target::_PD_repoId);
        return Interop::Target::_unchecked_narrow(o);
    }

    std::mutex lock_;
    Interop::LongSeq notes_;
    CORBA::Long limited_;
};

static void make_forwarder(PortableServer::POAManager_ptr manager) {
    CORBA::PolicyList policies;
    policies.length(2);
    policies[0] = root->create_id_assignment_policy(PortableServer::USER_ID);
    policies[1] = root->create_request_processing_policy(PortableServer::USE_SERVANT_MANAGER);
    PortableServer::POA_var poa = root->create_POA("forwarder", manager, policies);
    Forwarder* forwarder = new Forwarder;
    PortableServer::ServantManager_var reference = forwarder->_this();
    poa->set_servant_manager(reference);
}

int main(int argc, char** argv) {
    try {
        orb = CORBA::ORB_init(argc, argv, "omniORB4");
        samples::orb = orb;
        register_factories(orb);
        CORBA::Object_var o = orb->resolve_initial_references("RootPOA");
        root = PortableServer::POA::_narrow(o);
        PortableServer::POAManager_var manager = root->the_POAManager();
        make_forwarder(manager);
        Interop::Peer_var peer = activated(new PeerImpl, (Interop::Peer*)0);
        manager->activate();

        CORBA::String_var ior = orb->object_to_string(peer);
        std::printf("%s\n", ior.in());
        std::fflush(stdout);

        std::thread([] {
            char byte;
            while (read(0, &byte, 1) > 0) {}
            _exit(0);
        }).detach();
        orb->run();
        orb->destroy();
        return 0;
    } catch (const CORBA::Exception& e) {
        std::fprintf(stderr, "server: %s\n", e._name());
        return 1;
    }
}
