/* The tables of the companion command: what the parser, the usage text and the guide rely on. */
#include "provider/command.h"
#include "provider/guides.h"

#include "internal/base/testing.h"

#include <string.h>

static void test_verbs(void **state)
{
    (void)state;
    for (const struct command *k = commands; k->name; k++) {
        assert_true(k->run && *k->summary);
        assert_non_null(k->arguments);
        assert_true(k->min_args <= k->max_args);
        assert_true(!k->doc || k->example);
        if (k->options & OPTION_AWS) { /* command_open() reads the first argument */
            assert_true(k->min_args >= 1 && k->doc);
            const char *first = k->arguments ? k->arguments : "";
            assert_true(strncmp(first, "CLUSTER[@REGION]", 16) == 0);
        }
        for (const struct command *other = commands; other != k; other++)
            assert_string_not_equal(other->name, k->name);
    }
}

/* A value and a flag differ in the type of the member they are written to. */
static void test_options(void **state)
{
    (void)state;
    static const size_t flags[] = {offsetof(struct invocation, json), offsetof(struct invocation, yes)};
    unsigned taken = 0;
    for (const struct command *k = commands; k->name; k++)
        taken |= k->options;
    for (const struct command_option_row *o = command_options; o->name; o++) {
        bool is_flag = false;
        for (size_t i = 0; i < ARRAY_LEN(flags); i++)
            is_flag = is_flag || o->offset == flags[i];
        assert_true(is_flag == (o->argument == NULL));
        assert_true(strncmp(o->name, "--", 2) == 0 && *o->doc);
        assert_null(strstr(o->name, "password"));
        assert_true(taken & o->option);
        for (const struct command_option_row *other = command_options; other != o; other++)
            assert_string_not_equal(other->name, o->name);
    }
}

static void test_guide(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf page = BUF_INIT(1 << 20);
    guide_companion(&page);
    assert_false(page.overflow);
    for (const struct command *k = commands; k->name; k++) {
        CLEANUP(buf_done) struct buf title = BUF_INIT(256);
        (void)buf_printf(&title, "\n## `%s`\n", k->name);
        assert_true((strstr(buf_text(&page), buf_text(&title)) != NULL) == (k->doc != NULL));
    }
    for (const struct command_option_row *o = command_options; o->name; o++)
        assert_non_null(strstr(buf_text(&page), o->name));
}

/* What `resume` walks begins behind the point of no return and leaves no row in which nobody can write. */
static void test_names_rows(void **state)
{
    (void)state;
    for (const struct names_part *p = names_parts; p->kind; p++) {
        const struct flow part = names_rows(p);
        const struct step *end = part.steps + part.count;
        assert_true(part.count > 10 && part.count < p->flow->count);
        assert_int_equal(part.steps[-1].kind, STEP_NO_RETURN);
        assert_string_equal(part.steps[0].name, p->first);
        assert_string_equal(end[-1].name, p->last);
        for (const struct step *s = end; s < p->flow->steps + p->flow->count; s++)
            assert_false(s->blocks_writes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verbs),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_guide),
        cmocka_unit_test(test_names_rows),
    };
    return cmocka_run_group_tests_name("companion command", tests, NULL, NULL);
}
