/** `$jsonSchema`: what of it a document does not satisfy, explained in the server's form. */
import { compare, type Doc, isEqual, isNumber, typeOf, unknown } from "./values.js";

const known = new Set([
  ...["bsonType", "properties", "required", "additionalProperties", "title", "description"],
  ...["minimum", "maximum", "minLength", "maxLength", "enum", "pattern", "items"],
]);

/** The rules that are not satisfied. */
export function schemaFailures(document: Doc, schema: Doc): readonly Doc[] {
  for (const name of Object.keys(schema))
    if (!known.has(name)) throw unknown(`${name} of $jsonSchema`);
  const {
    properties = {},
    required = [],
    additionalProperties,
  } = schema as {
    readonly properties?: Readonly<Record<string, Doc>>;
    readonly required?: readonly string[];
    readonly additionalProperties?: boolean;
  };
  const failures: Doc[] = [];
  const unsatisfied = Object.entries(properties).flatMap(([propertyName, part]) => {
    const value = document[propertyName];
    const details = value === undefined ? [] : failuresOf(value, part);
    return details.length === 0 ? [] : [{ propertyName, details }];
  });
  if (unsatisfied.length > 0)
    failures.push({ operatorName: "properties", propertiesNotSatisfied: unsatisfied });
  const missingProperties = required.filter((name) => document[name] === undefined);
  if (missingProperties.length > 0)
    failures.push({ operatorName: "required", specifiedAs: { required }, missingProperties });
  const others = Object.keys(document).filter((name) => !Object.hasOwn(properties, name));
  if (additionalProperties === false && others.length > 0)
    failures.push({
      operatorName: "additionalProperties",
      specifiedAs: { additionalProperties },
      additionalProperties: others,
    });
  return failures;
}

function failuresOf(value: unknown, part: Doc): readonly Doc[] {
  return Object.entries(part).flatMap(([operatorName, operand]) =>
    holds(operatorName, operand, value, part)
      ? []
      : [
          {
            operatorName,
            specifiedAs: { [operatorName]: operand },
            consideredValue: value,
            consideredType: typeOf(value),
          },
        ],
  );
}

function holds(operator: string, operand: unknown, value: unknown, part: Doc): boolean {
  switch (operator) {
    case "bsonType":
      return [operand]
        .flat()
        .some((type) => type === typeOf(value) || (type === "number" && isNumber(value)));
    case "enum":
      return (operand as readonly unknown[]).some((each) => isEqual(each, value));
    case "minimum":
      return !isNumber(value) || compare(value, operand) >= 0;
    case "maximum":
      return !isNumber(value) || compare(value, operand) <= 0;
    case "minLength":
      return typeof value !== "string" || Array.from(value).length >= Number(operand);
    case "maxLength":
      return typeof value !== "string" || Array.from(value).length <= Number(operand);
    case "pattern":
      return typeof value !== "string" || new RegExp(String(operand), "u").test(value);
    case "items":
      return (
        !Array.isArray(value) ||
        value.every((each) => failuresOf(each, operand as Doc).length === 0)
      );
    case "properties":
      return (
        typeOf(value) !== "object" ||
        schemaFailures(value as Doc, { properties: part["properties"] }).length === 0
      );
    case "required":
      return (
        typeOf(value) !== "object" ||
        schemaFailures(value as Doc, { required: part["required"] }).length === 0
      );
    case "title":
    case "description":
      return true;
    default:
      throw unknown(`${operator} of $jsonSchema`);
  }
}
