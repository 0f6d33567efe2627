/** Compiles where the value has exactly this type. */
export function expectType<Expected>() {
  return <Actual>(
    _value: Actual,
    ..._same: Same<Actual, Expected> extends true ? [] : [expected: Expected, actual: Actual]
  ): void => undefined;
}

/** Mutual assignability is too kind (`any`, optional members): the two must behave alike in a type of their own. */
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
