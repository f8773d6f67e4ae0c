#include "internal/base/testing.h"
#include "internal/value/xml.h"

#include <string.h>

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static const char reply[] =
    "<?xml version=\"1.0\"?>\n"
    "<!-- as RDS answers -->\n"
    "<r:DescribeDBClustersResponse xmlns:r=\"http://rds.amazonaws.com/doc/2014-10-31/\">\n"
    "  <DescribeDBClustersResult>\n"
    "    <DBClusters>\n"
    "      <DBCluster><Id>one</Id><Text>a &lt;b&gt; <![CDATA[<c>]]>\xc3\xa9 "
    "&#x20AC;</Text><Tags/></DBCluster>\n"
    "      <Other/>\n"
    "      <DBCluster kind=\"x\"><Id>two</Id><Only>here</Only></DBCluster>\n"
    "    </DBClusters>\n"
    "  </DescribeDBClustersResult>\n"
    "  <ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata>\n"
    "</r:DescribeDBClustersResponse>\n";

static void tree(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    const struct xml *root;
    assert_true(xml_parse(arena, str_of(reply), &root, &e));
    assert_string_equal(root->name, "DescribeDBClustersResponse");
    assert_null(root->parent);
    assert_string_equal(xml_text(root, "ResponseMetadata/RequestId", ""), "r-1");
    const char *clusters = "DescribeDBClustersResult/DBClusters";
    const struct xml *list = xml_find(root, clusters);
    const struct xml *first = xml_child(list, "DBCluster", NULL);
    assert_string_equal(xml_text(first, "Id", ""), "one");
    assert_string_equal(xml_text(first, "Text", ""), "a <b> <c>\xc3\xa9 \xe2\x82\xac");
    assert_string_equal(xml_text(first, "Tags", "absent"), "");
    assert_ptr_equal(first->parent, list);
    const struct xml *second = xml_child(list, "DBCluster", first);
    assert_string_equal(xml_text(second, "Id", ""), "two");
    assert_null(xml_child(list, "DBCluster", second));
    assert_string_equal(xml_child(list, NULL, first)->name, "Other");
    /* The first match of a whole path, not of its first part alone. */
    assert_string_equal(xml_text(list, "DBCluster/Only", ""), "here");
    assert_null(xml_find(root, "DescribeDBClustersResult/DBCluster"));
    assert_null(xml_find(NULL, "a"));
    assert_null(xml_child(NULL, "a", NULL));
    assert_string_equal(xml_text(root, "nothing", "otherwise"), "otherwise");
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *document, *says;
    } rows[] = {
        {"", "no element found"},
        {"text", "syntax error"},
        {"<a>", "no element found"},
        {"<a></b>", "mismatched tag"},
        {"<a/><b/>", "junk after"},
        {"<a>&nbsp;</a>", "undefined entity"},
        {"<a>\xff</a>", "not well-formed"},
        {"<a>&#0;</a>", "reference to invalid character"},
        {"<a b=1/>", "not well-formed"},
        {"<!DOCTYPE a><a/>", "DOCTYPE"},
        {"<!DOCTYPE a [<!ENTITY b \"bb\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>", "DOCTYPE"},
        {"<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", "DOCTYPE"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        const struct xml *root = NULL;
        if (xml_parse(arena, str_of(rows[i].document), &root, &e))
            fail_msg("accepted: %s", rows[i].document);
        if (!strstr(e.text, rows[i].says))
            fail_msg("%s: %s", rows[i].document, e.text);
        assert_int_equal(e.code, ERR_INVALID);
        assert_null(root);
    }
}

static void cut_anywhere(void **state)
{
    (void)state;
    size_t end = sizeof reply - 2; /* the closing '>' */
    for (size_t n = 0; n < end; n++) {
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        const struct xml *root;
        char *exact = test_malloc(n ? n : 1);
        memcpy(exact, reply, n);
        assert_false(xml_parse(a, (struct str){exact, n}, &root, NULL));
        test_free(exact);
    }
}

static void garbled_anywhere(void **state)
{
    (void)state;
    size_t accepted = 0, refused_count = 0;
    for (size_t i = 0; i < (sizeof reply - 1) * 16; i++) {
        static const unsigned char bytes[16] = {0,   1,   '\t', ' ', '!', '"', '&',  '/',
                                                ';', '<', '=',  '>', '?', 'a', 0x80, 0xff};
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        const struct xml *root = NULL;
        char text[sizeof reply];
        memcpy(text, reply, sizeof reply);
        text[i / 16] = (char)bytes[i % 16];
        bool ok = xml_parse(a, (struct str){text, sizeof reply - 1}, &root, NULL);
        *(ok ? &accepted : &refused_count) += 1;
        assert_int_equal(ok, root != NULL);
    }
    assert_true(accepted > sizeof reply && refused_count > accepted);
}

static bool nested(int depth)
{
    struct buf b = BUF_INIT(1 << 20);
    for (int i = 0; i < depth; i++)
        (void)buf_puts(&b, "<a>");
    for (int i = 0; i < depth; i++)
        (void)buf_puts(&b, "</a>");
    const struct xml *root;
    bool ok = xml_parse(arena, buf_view(&b), &root, NULL);
    buf_done(&b);
    return ok;
}

static bool many(int nodes, size_t padding)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct buf b = BUF_INIT((size_t)64 << 20);
    (void)buf_puts(&b, "<a>");
    for (int i = 1; i < nodes; i++)
        (void)buf_puts(&b, "<b/>");
    char *spaces = test_malloc(padding + 1);
    memset(spaces, ' ', padding);
    (void)buf_add(&b, spaces, padding);
    test_free(spaces);
    (void)buf_puts(&b, "</a>");
    const struct xml *root;
    bool ok = xml_parse(a, buf_view(&b), &root, NULL);
    buf_done(&b);
    return ok;
}

static void limits(void **state)
{
    (void)state;
    assert_true(nested(XML_DEPTH_MAX));
    assert_false(nested(XML_DEPTH_MAX + 1));
    assert_false(nested(50000));
    assert_true(many(XML_NODES_MAX, 0));
    assert_false(many(XML_NODES_MAX + 1, 0));
    assert_true(many(1, XML_BYTES_MAX - 7));
    assert_false(many(1, XML_BYTES_MAX - 6));
}

static void written(void **state)
{
    (void)state;
    static const struct {
        const char *text, *document;
    } rows[] = {
        {"", "<a></a>"},
        {"db.example.com.", "<a>db.example.com.</a>"},
        {"</a><b>&amp;\"'", "<a>&lt;/a&gt;&lt;b&gt;&amp;amp;\"'</a>"},
        {"caf\xc3\xa9", "<a>caf\xc3\xa9</a>"},
        {"one\ntwo\x01", "<a>one?two?</a>"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b CLEANUP(buf_done) = BUF_INIT(1024);
        const struct xml *root = NULL;
        xml_put(&b, "a", rows[i].text);
        assert_string_equal(buf_text(&b), rows[i].document);
        assert_true(xml_parse(arena, buf_view(&b), &root, NULL));
        assert_null(root->first);
        assert_int_equal(strlen(root->text), strlen(rows[i].text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tree),         cmocka_unit_test(refused),
        cmocka_unit_test(cut_anywhere), cmocka_unit_test(garbled_anywhere),
        cmocka_unit_test(limits),       cmocka_unit_test(written),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
