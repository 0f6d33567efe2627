/** Words of enumerations and sets, and arrays of anything. */
import fc from "fast-check";
import { jsonOf, type Sent } from "./meaning.js";
import { texts } from "./sent-texts.js";

type Values = fc.Arbitrary<Sent>;

const of = (...values: readonly Sent[]): Values => fc.constantFrom(...values);
/** Words of a list: its own, nearly its own, and others. */
export function wordsOf(...members: readonly string[]): Values {
  const near = members.flatMap((member) => [member.toUpperCase(), `${member} `, member.slice(1)]);
  return fc.oneof(
    { weight: 4, arbitrary: of(...members) },
    {
      weight: 2,
      arbitrary: of(...near, "", "1", "0", 0, 1, true, "indifferent", [members[0] ?? ""], {}),
    },
    { weight: 1, arbitrary: texts },
  );
}

export function setsOf(...members: readonly string[]): Values {
  const some = fc.array(fc.constantFrom(...members), { maxLength: 4 });
  return fc.oneof(
    some.map((list) => list.join(",")),
    some,
    some.map(jsonOf),
    some.map((list) => [...list, "other"].join(",")),
    of("", ",", `${members[0]},`, "[1]", 1, 2, "1", {}, true, "[", `${members[0]} `),
  );
}

export function listsOf(elements: Values): Values {
  const list = fc.array(
    fc.oneof({ weight: 12, arbitrary: elements }, { weight: 1, arbitrary: fc.constant(null) }),
    { maxLength: 4 },
  );
  const grid = fc
    .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 3 }))
    .chain(([rows, columns]) =>
      fc.array(fc.array(elements, { minLength: columns, maxLength: columns }), {
        minLength: rows,
        maxLength: rows,
      }),
    );
  const ragged = fc.array(fc.array(elements, { maxLength: 2 }), { maxLength: 3 });
  return fc.oneof(
    { weight: 4, arbitrary: list },
    { weight: 3, arbitrary: list.map(jsonOf) },
    { weight: 2, arbitrary: grid },
    { weight: 1, arbitrary: grid.map((each) => [each] as Sent) },
    { weight: 1, arbitrary: ragged },
    { weight: 1, arbitrary: elements },
    {
      weight: 1,
      arbitrary: of(
        "{}",
        "{1,2}",
        "{1,NULL}",
        "{a,b}",
        '{"a":1}',
        "{",
        "[",
        "",
        "[]",
        "[[]]",
        "[[],[]]",
        "[[[[[[[1]]]]]]]",
        "[1,[2]]",
        "[null,[1]]",
      ),
    },
  );
}
