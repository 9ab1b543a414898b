// The only C++ of the project: toml++'s tree copied into plain C data. See toml.h.
//
// toml++ is compiled into this file (and not linked), without exceptions of its own and with our ceiling on
// nesting. What the standard library throws (it runs out of memory) ends in a catch below, and so do toml++'s
// assertions, which its release form would hand to the optimizer as assumptions. See also toml_guard.h.
#undef NDEBUG
#undef TOML_HEADER_ONLY
#undef TOML_SHARED_LIB
#define TOML_HEADER_ONLY                1
#define TOML_EXCEPTIONS                 0
#define TOML_ENABLE_UNRELEASED_FEATURES 0
#define TOML_ENABLE_FORMATTERS          1
#define TOML_MAX_NESTED_VALUES          32

namespace
{
struct broken_assumption {
};
[[noreturn]] void break_off()
{
    throw broken_assumption{};
}
} // namespace
#define TOML_ASSERT(fact) (static_cast<bool>(fact) ? void(0) : break_off())

#include <sstream>
#include <string_view>
#include <toml++/toml.h>

#define _Noreturn [[noreturn]] // the C headers' word
extern "C" {
#include "common/ceilings.h"
#include "common/toml.h"
#include "common/toml_guard.h"
}

static_assert(TOML_MAX_NESTED_VALUES == FH_MAX_TOML_DEPTH, "one ceiling");

namespace
{

struct copier {
    struct fh_arena *arena;
    const char *name;
    struct fh_error *e;

    fh_err text(std::string_view s, const toml::source_position &at, const char **out)
    {
        if (s.find('\0') != s.npos)
            return FH_FAIL(e, FH_INVALID, "%s:%u:%u: a string with a NUL character in it cannot be used.",
                           name, unsigned(at.line), unsigned(at.column));
        *out = fh_strndup(arena, s.data(), s.size());
        return FH_OK;
    }

    fh_err table(const toml::table &from, unsigned depth, struct fh_toml *to)
    {
        to->kind = FH_TOML_TABLE;
        to->is_inline = from.is_inline();
        auto *entries =
            static_cast<struct fh_toml_entry *>(fh_alloc(arena, (from.size() + 1) * sizeof(fh_toml_entry)));
        size_t n = 0;
        for (const auto &[key, node] : from) {
            struct fh_toml_entry *entry = &entries[n++];
            entry->line = unsigned(key.source().begin.line);
            entry->column = unsigned(key.source().begin.column);
            FH_TRY(text(key.str(), key.source().begin, &entry->key));
            FH_TRY(value(node, depth + 1, &entry->value));
        }
        to->entries = entries;
        to->count = n;
        return FH_OK;
    }

    fh_err array(const toml::array &from, unsigned depth, struct fh_toml *to)
    {
        to->kind = FH_TOML_ARRAY;
        auto *items = static_cast<struct fh_toml *>(fh_alloc(arena, (from.size() + 1) * sizeof(fh_toml)));
        size_t n = 0;
        for (const auto &node : from)
            FH_TRY(value(node, depth + 1, &items[n++]));
        to->items = items;
        to->count = n;
        return FH_OK;
    }

    fh_err value(const toml::node &from, unsigned depth, struct fh_toml *to)
    {
        const auto &at = from.source().begin;
        to->line = unsigned(at.line);
        to->column = unsigned(at.column);
        if (depth > FH_MAX_TOML_DEPTH)
            return FH_FAIL(e, FH_INVALID, "%s:%u:%u: nested deeper than %d levels.", name, to->line,
                           to->column, FH_MAX_TOML_DEPTH);
        switch (from.type()) {
        case toml::node_type::string:
            to->kind = FH_TOML_STRING;
            return text(from.ref<std::string>(), at, &to->text);
        case toml::node_type::integer:
            to->kind = FH_TOML_INTEGER;
            to->integer = from.ref<int64_t>();
            return FH_OK;
        case toml::node_type::floating_point:
            to->kind = FH_TOML_FLOAT;
            to->real = from.ref<double>();
            return FH_OK;
        case toml::node_type::boolean:
            to->kind = FH_TOML_BOOLEAN;
            to->boolean = from.ref<bool>();
            return FH_OK;
        case toml::node_type::array:
            return array(*from.as_array(), depth, to);
        case toml::node_type::table:
            return table(*from.as_table(), depth, to);
        default:
            return datetime(from, at, to);
        }
    }

    fh_err datetime(const toml::node &from, const toml::source_position &at, struct fh_toml *to)
    {
        std::ostringstream s;
        if (const auto *date = from.as_date())
            s << date->get();
        else if (const auto *time = from.as_time())
            s << time->get();
        else if (const auto *both = from.as_date_time())
            s << both->get();
        else
            return FH_FAIL(e, FH_INTERNAL, "%s:%u:%u: a value of unknown type.", name, unsigned(at.line),
                           unsigned(at.column));
        to->kind = FH_TOML_DATETIME;
        return text(s.str(), at, &to->text);
    }
};

fh_err fail(const toml::parse_error &error, const char *name, struct fh_error *e)
{
    const auto &at = error.source().begin;
    std::string text(error.description());
    for (char &c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            c = '?';
    return FH_FAIL(e, FH_INVALID, "%s:%u:%u: %s.", name, unsigned(at.line), unsigned(at.column),
                   text.c_str());
}

} // namespace

extern "C" fh_err fh_toml_parse(struct fh_arena *a, const char *text, size_t n, const char *name,
                                const struct fh_toml **root, struct fh_error *e)
{
    if (n > FH_MAX_MANIFEST)
        return FH_FAIL(e, FH_TOO_LARGE, "%s is larger than %d bytes.", name, FH_MAX_MANIFEST);
    const char *safe = nullptr;
    size_t safe_n = 0;
    FH_TRY(fh_toml_guard(a, text, n, name, &safe, &safe_n, e));
    auto *out = static_cast<struct fh_toml *>(fh_alloc(a, sizeof(struct fh_toml)));
    try {
        toml::parse_result result = toml::parse(std::string_view(safe, safe_n));
        if (!result)
            return fail(result.error(), name, e);
        copier copy{a, name, e};
        out->line = out->column = 1;
        FH_TRY(copy.table(result.table(), 0, out));
    } catch (const broken_assumption &) {
        return FH_FAIL(e, FH_INVALID, "%s is not valid TOML.", name);
    } catch (...) {
        return FH_FAIL(e, FH_INTERNAL, "%s could not be read.", name);
    }
    *root = out;
    return FH_OK;
}

extern "C" const struct fh_toml_entry *fh_toml_find(const struct fh_toml *table, const char *key)
{
    size_t low = 0, high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = std::string_view(key).compare(table->entries[middle].key);
        if (order == 0)
            return &table->entries[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return nullptr;
}

extern "C" const char *fh_toml_kind_name(enum fh_toml_kind kind)
{
    static const char *const names[] = {"string",    "integer", "float", "boolean",
                                        "date-time", "array",   "table", "null"};
    return names[kind];
}
