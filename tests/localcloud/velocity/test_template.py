"""Mapping templates: values, methods, rejection at deployment, and bodies as data."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from mysfits_stream.localcloud.velocity.functions import UTIL, Input
from mysfits_stream.localcloud.velocity.jsonpath import PathError, compile_path
from mysfits_stream.localcloud.velocity.template import TemplateError, compile_template
from mysfits_stream.localcloud.velocity.values import MappingError, SilentMap

PARAMETERS: dict[str, dict[str, Any]] = {
    "path": {"id": "7", "same": "path"},
    "querystring": {"q": "a b", "same": "query"},
    "header": {"X-One": "1", "same": "header"},
}


def variables(body: str = "{}") -> dict[str, Any]:
    return {
        "input": Input(body, lambda: PARAMETERS),
        "util": UTIL,
        "context": {
            "identity": SilentMap(sourceIp="192.0.2.1"),
            "stage": "prod",
            "responseOverride": {"header": {}},
        },
        "stageVariables": {"colour": "blue"},
    }


def render(template: str, body: str = "{}") -> str:
    return compile_template(template).render(variables(body))


RENDERS = {
    "text and names that mean something in Python": (
        "\\n''' {0} %s #set($class = 'a\\')#set($__import__ = \"b'\")$class$__import__ $render$write$t$v0",
        "",
        "\\n''' {0} %s a\\b' ",
    ),
    "the line break after a block comment": ("a#* b *#\nc", "", "a\nc"),
    "the line break after a line comment": ("a## b\nc", "", "ac"),
    "a map inside of $context": (
        "[$context.identity][$context.get('identity').sourceIp]",
        "",
        "[][192.0.2.1]",
    ),
    "the body verbatim": ("$input.body", '{"a":  1}', '{"a":  1}'),
    "the body as compact JSON": (
        "$input.json('$')",
        '{"a":  [1, 2.50, null, "é"]}',
        '{"a":[1,2.5,null,"é"]}',
    ),
    "no body is an empty object": ("$input.body $input.json('$')", "", "{} {}"),
    "a text member as JSON keeps its quotes": ("$input.json('$.a')", '{"a": "x\\"y"}', '"x\\"y"'),
    "a missing member as JSON is the empty text": ("$input.json('$.b')", '{"a": 1}', '""'),
    "a missing member prints nothing": ("[$input.path('$.b')]", '{"a": 1}', "[]"),
    "a null member prints nothing": ("[$input.path('$.a')]", '{"a": null}', "[]"),
    "a map prints as Java's": (
        "$input.path('$')",
        '{"a": {"b": [1, {"c": true}]}}',
        '{a={b=[1,{"c":true}]}}',
    ),
    "numbers print as Java's": (
        "$input.path('$')",
        '{"a": 1.0, "b": 12345678.9, "c": 0.0001, "d": 1e21, "e": 5}',
        "{a=1.0, b=1.23456789E7, c=1.0E-4, d=1.0E21, e=5}",
    ),
    "parameters by place": ("$input.params().path.id$input.params().querystring.get('q')", "", "7a b"),
    "a parameter is looked for in path, query string and header": (
        "$input.params('same') $input.params('q') $input.params('X-One') $input.params('x-one')",
        "",
        "path a b 1 1",
    ),
    "an absent parameter is the empty text": ("[$input.params('none')]", "", "[]"),
    "context and stage variables": (
        "$context.stage $stageVariables.colour ${stageVariables.none}",
        "",
        "prod blue ",
    ),
    "#set, #if, #elseif and #else": (
        "#set($x = 2)#if($x == 1)one#elseif($x == 2)two#else#end#if($x > 2 || !($x != 2))!#end",
        "",
        "two!",
    ),
    "#foreach over a list": (
        "#foreach($e in $input.path('$.l'))$foreach.index:$e#if($foreach.hasNext),#end#end",
        '{"l": ["a", "b"]}',
        "0:a,1:b",
    ),
    "#foreach over a map gives its values": (
        "#foreach($e in $input.path('$'))$e #end",
        '{"a": 1, "b": 2}',
        "1 2 ",
    ),
    "#foreach over nothing renders nothing": ("[#foreach($e in $input.path('$.none'))x#end]", "{}", "[]"),
    "an inner loop leaves the outer one's counter alone": (
        "#foreach($a in [1, 2])#foreach($b in [1, 2])$foreach.parent.count$foreach.count #end#end"
        "$!foreach.count",
        "",
        "11 12 21 22 ",
    ),
    "entries of a map": (
        "#foreach($e in $input.path('$').entrySet())$e.key=$e.value;$e.getKey()#end",
        '{"a": 1}',
        "a=1;a",
    ),
    "a map is changed in place": (
        '#set($m = {"a": 1})#set($m.b = 2)$m.put("c", 3)$m $m.containsKey("b") $m.size()',
        "",
        "{a=1, b=2, c=3} true 3",
    ),
    "a list is changed in place": (
        "#set($l = [1, 2])#set($ignored = $l.add(3))#set($l[0] = 9)$l $l.contains(2) $l.get(2) $l[9]",
        "",
        "[9, 2, 3] true 3 ",
    ),
    "methods of text": (
        "#set($t = ' a-b-c ')$t.trim().toUpperCase() $t.trim().split('-').size() $t.indexOf('b') $t.length()"
        " $t.trim().replace('-', '+') $t.trim().replaceAll('(\\w)-', '$1_') $t.trim().endsWith('c')"
        " $t.isEmpty()",
        "",
        "A-B-C 3 3 7 a+b+c a_b_c true false",
    ),
    "arithmetic": ("#set($a = 7 / 2)#set($b = -7 % 4)#set($c = 1 + 2 * 3)$a $b $c", "", "3 -3 7"),
    "division by zero gives nothing": ("#set($a = 1 / 0)[$a]", "", "[]"),
    "text and number are added as text": ("#set($a = 'n' + 1)$a", "", "n1"),
    "a number equals the text that it prints as": (
        "#if($input.path('$.s') == '200')yes#end",
        '{"s": 200}',
        "yes",
    ),
    "an empty text is true": ("#if('')yes#end", "", "yes"),
    "comments leave nothing": ("a## b\n#* c\n d *#e", "", "ae"),
    "#stop ends the text": ("a#stop b", "", "a"),
    "what looks like a directive and is none stays": ("#fff #1 $5 $ #nothing", "", "#fff #1 $5 $ #nothing"),
    "#define is rendered where it is used": ("#define($d)[$x]#end#set($x = 1)$d#set($x = 2)$d", "", "[1][2]"),
    "the response's status can be overridden": (
        "#set($context.responseOverride.status = 404)$context.responseOverride.status",
        "",
        "404",
    ),
}


@pytest.mark.parametrize(("template", "body", "expected"), RENDERS.values(), ids=RENDERS.keys())
def test_a_template_renders(template: str, body: str, expected: str) -> None:
    assert render(template, body) == expected


HOSTILE = '{"v": "$util.base64Encode(\'x\') #set($a = 1)$a ${input.body} #foreach($i in [1..9])#end \\\\$x"}'


@pytest.mark.parametrize(
    "template",
    [
        "$input.path('$.v')",
        "#set($v = $input.path('$.v'))$v",
        '#set($v = $input.path("$.v"))#set($w = "$v")$w',
        "#foreach($v in $input.path('$'))$v#end",
        "$util.parseJson($input.body).v",
    ],
    ids=lambda template: template,
)
def test_template_text_in_a_body_is_data_and_never_evaluated(template: str) -> None:
    assert render(template, HOSTILE) == (
        "$util.base64Encode('x') #set($a = 1)$a ${input.body} #foreach($i in [1..9])#end \\$x"
    )


@pytest.mark.parametrize(
    "template",
    [
        "$input.__class__",
        "$util.methods",
        "$input.document()",
        "$x.__init__.__globals__",
        "${input.parameters}",
    ],
)
def test_a_template_does_not_reach_the_objects_behind_its_values(template: str) -> None:
    try:
        rendered = render(template)
    except TemplateError:
        return
    assert rendered == ""


REFUSED = {
    "an unknown function": ("a\n$util.md5('x')", "line 2", "md5"),
    "an unknown member of $input": ("a\nb\n$input.raw('x')", "line 3", "raw"),
    "an unknown method": ("$a.frobnicate()", "line 1", "frobnicate"),
    "#parse": ("\n#parse('x')", "line 2", "#parse"),
    "#include": ("#include('x')", "line 1", "#include"),
    "#evaluate": ("#evaluate($x)", "line 1", "#evaluate"),
    "#break": ("#foreach($i in [1])\n#break\n#end", "line 2", "#break"),
    "an #if without an #end": ("a\n#if($x)\nb", "line", "#end"),
    "a #set without a value": ("\n\n#set($x = )", "line 3", "expression"),
    "more loops inside each other than Python takes": (
        "#foreach($i in [1])" * 30 + "$i" + "#end" * 30,
        "line 1",
        "too deeply",
    ),
    "an unknown function inside text": ('#set($x = "$util.md5($y)")', "line 1", "md5"),
}


@pytest.mark.parametrize(("template", "line", "what"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_supported_is_refused_with_its_line(template: str, line: str, what: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_template(template)
    assert line in str(caught.value)
    assert what in str(caught.value)


@pytest.mark.parametrize(
    ("template", "body"),
    [
        ("$input.json('$')", "no JSON"),
        ("$input.json('$')", "NaN"),
        ("$input.json('$')", "[" * 100_000),
        ("$util.parseJson('{')", ""),
        ("$util.base64Decode('a')", ""),
        ("#set($t = 'abc')$t.substring(2, 9)", ""),
        ("$input.path('$[')", "{}"),
        ("#define($d)$d#end$d", ""),
    ],
)
def test_what_fails_while_rendering_is_one_kind_of_error(template: str, body: str) -> None:
    with pytest.raises(MappingError):
        render(template, body)


DOCUMENT = {
    "store": {
        "books": [{"title": "A", "price": 8}, {"title": "B", "price": 12, "isbn": "1"}],
        "a-b": 1,
        "c d": 2,
    },
    "$odd": True,
}
PATHS = {
    "the whole document": ("$", DOCUMENT),
    "a member": ("$.store.books[0].title", "A"),
    "a member without the dollar": ("store.a-b", 1),
    "a member in quotes": ("$['store'][\"c d\"]", 2),
    "a negative index": ("$.store.books[-1].title", "B"),
    "an index that is not there": ("$.store.books[7]", None),
    "a member of a list is nothing": ("$.store.books.title", None),
    "all items": ("$.store.books[*].title", ["A", "B"]),
    "all members": ("$.store.books[0].*", ["A", 8]),
    "a slice": ("$.store.books[0:1].title", ["A"]),
    "some items": ("$.store.books[0,1].price", [8, 12]),
    "some members": ("$.store.books[0]['title','price']", {"title": "A", "price": 8}),
    "anywhere": ("$..price", [8, 12]),
    "the length": ("$.store.books.length()", 2),
    "items that compare": ("$.store.books[?(@.price > 10)].title", ["B"]),
    "items that have a member": ("$.store.books[?(@.isbn)].title", ["B"]),
    "items of a value": ("$.store.books[?(@.title == 'A')].price", [8]),
    "a name with a dollar": ("$.$odd", True),
}


@pytest.mark.parametrize(("path", "expected"), PATHS.values(), ids=PATHS.keys())
def test_a_json_path_reads(path: str, expected: Any) -> None:
    assert compile_path(path)(DOCUMENT) == expected


@pytest.mark.parametrize("path", ["$[", "$.a[?(@.b ~ 1)]", "$.a b", "$.", "$['a"])
def test_what_is_no_json_path_is_refused(path: str) -> None:
    with pytest.raises(PathError):
        compile_path(path)


def test_one_compiled_template_renders_in_many_threads_at_once() -> None:
    template = compile_template("#set($n = $input.path('$.n'))#foreach($i in [1..50])#set($n = $n + 1)#end$n")
    results: dict[int, str] = {}

    def work(number: int) -> None:
        for _ in range(20):
            results[number] = template.render(variables(f'{{"n": {number}}}'))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: str(number + 50) for number in range(8)}
