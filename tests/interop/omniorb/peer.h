// SPDX-License-Identifier: MIT OR Apache-2.0
//
// What server and client share: valuetypes with behaviour, factories, comparisons of Route and ring.
#pragma once

#include <map>
#include <string>

#include "samples.h"

class NamedValue : public virtual OBV_Interop::Named, public virtual CORBA::DefaultValueRefCountBase {
public:
    NamedValue() {}
    explicit NamedValue(const char* text) { label(text); }
    char* describe() { return CORBA::string_dup(label()); }
    NamedValue* _copy_value() { return new NamedValue(label()); }
};

class PrintableText : public virtual OBV_Interop::PrintableValue, public virtual CORBA::DefaultValueRefCountBase {
public:
    PrintableText() {}
    explicit PrintableText(const char* s) { text(s); }
    char* print() { return CORBA::string_dup(text()); }
    PrintableText* _copy_value() { return new PrintableText(text()); }
};

class NamedFactory : public virtual CORBA::ValueFactoryBase {
public:
    CORBA::ValueBase* create_for_unmarshal() { return new NamedValue(); }
};

class PrintableFactory : public virtual CORBA::ValueFactoryBase {
public:
    CORBA::ValueBase* create_for_unmarshal() { return new PrintableText(); }
};

template <class Factory> void register_factory(CORBA::ORB_ptr orb, const char* id) {
    CORBA::ValueFactory old = orb->register_value_factory(id, new Factory());
    if (old) old->_remove_ref();
}

inline void register_factories(CORBA::ORB_ptr orb) {
    register_factory<Interop::Point_init>(orb, Interop::Point::_PD_repoId);
    register_factory<Interop::Shape_init>(orb, Interop::Shape::_PD_repoId);
    register_factory<Interop::Circle_init>(orb, Interop::Circle::_PD_repoId);
    register_factory<Interop::Square_init>(orb, Interop::Square::_PD_repoId);
    register_factory<Interop::Node_init>(orb, Interop::Node::_PD_repoId);
    register_factory<Interop::Line_init>(orb, Interop::Line::_PD_repoId);
    register_factory<NamedFactory>(orb, Interop::Named::_PD_repoId);
    register_factory<PrintableFactory>(orb, Interop::PrintableValue::_PD_repoId);
}

// How many of `to` and `via` are the same value as `from`.
inline CORBA::Long shared_count(const Interop::Route& r) {
    CORBA::Long n = 0;
    Interop::Point* from = r.from;
    if (from && r.to.in() == from) ++n;
    for (CORBA::ULong i = 0; i < r.via.length(); ++i)
        if (from && r.via[i].in() == from) ++n;
    return n;
}

inline CORBA::Long ring_length(Interop::Node* first) {
    CORBA::Long n = 0;
    for (Interop::Node* at = first; at; at = at->next()) {
        if (at->n() != n) return -1;
        ++n;
        if (at->next() == first) return n;
        if (n > 1000) return -1;
    }
    return -1;
}

inline Interop::Node* ring(CORBA::Long n) {
    Interop::Node_var first = new OBV_Interop::Node();
    first->n(0);
    Interop::Node_var at = first;
    for (CORBA::Long i = 1; i < n; ++i) {
        Interop::Node_var next = new OBV_Interop::Node();
        next->n(i);
        at->next(next);
        at = next;
    }
    at->next(first);
    return first._retn();
}

inline std::string kind_of(Interop::Shape* s) {
    if (!s) return "nil";
    std::string kind = "Shape";
    if (Interop::Circle::_downcast(s)) kind = "Circle";
    if (Interop::Square::_downcast(s)) kind = "Square";
    return kind + " " + s->name();
}

inline CORBA::Octet octet_at(CORBA::ULong i) { return CORBA::Octet(i * 7 + i / 256); }

typedef std::map<std::string, std::string> Options;

// `--name value` pairs left over by the ORB.
inline Options options(int argc, char** argv) {
    Options o;
    for (int i = 1; i + 1 < argc; i += 2) o[argv[i]] = argv[i + 1];
    return o;
}
