/* HCL as it is written for `adopt`: hostile texts stay texts, and the layout is fmt's. */
#include "provider/hcl.h"

#include "internal/base/testing.h"

struct row {
    const char *text, *expected;
};

static const struct row quoted[] = {
    {"", "\"\""},
    {"plain", "\"plain\""},
    {"a \"b\" \\c", "\"a \\\"b\\\" \\\\c\""},
    {"line\nline\ttab\rreturn", "\"line\\nline\\ttab\\rreturn\""},
    {"${file(\"/etc/passwd\")}", "\"$${file(\\\"/etc/passwd\\\")}\""},
    {"%{ if true }", "\"%%{ if true }\""},
    {"$${x}", "\"$$${x}\""},
    {"100% $5 {}", "\"100% $5 {}\""},
    {"\x1b[31mred\x7f", "\"\\u001b[31mred\\u007f\""},
    {"caf\xc3\xa9", "\"caf\xc3\xa9\""},
    {"bad\xff", "\"bad?\""},
};

static void test_quoted(void **state)
{
    (void)state;
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(quoted); i++)
        assert_string_equal(hcl_quoted(a, quoted[i].text), quoted[i].expected);
}

static const struct row names[] = {
    {"orders", "orders"},
    {"orders-upgrade-17", "orders_upgrade_17"},
    {"a.b", "a_b"},
    {"9lives", "x9lives"},
    {"", "x"},
    {"x\" {}\nresource", "x_____resource"},
    {"caf\xc3\xa9", "caf__"},
};

static void test_names(void **state)
{
    (void)state;
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_string_equal(hcl_name(a, names[i].text), names[i].expected);
}

static void test_arguments(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
    const struct hcl_arg args[] = {{"name", "\"a\""}, {"apply_method", "\"immediate\""}};
    hcl_args(&b, 4, args, ARRAY_LEN(args));
    assert_string_equal(buf_text(&b), "    name         = \"a\"\n    apply_method = \"immediate\"\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quoted),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_arguments),
    };
    return cmocka_run_group_tests_name("HCL", tests, NULL, NULL);
}
