/** Measures the depth of a JSON text without parsing it, because a parser might not survive the depth. */

/** Whether a JSON text has more levels of brackets than `most`. Brackets inside its strings don't count. */
export function isNestedDeeper(text: string, most: number): boolean {
  if (text.length <= most) return false;
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case 0x22 /* " */:
        inString = !inString;
        break;
      case 0x5c /* \ */:
        if (inString) at += 1;
        break;
      case 0x5b /* [ */:
      case 0x7b /* { */:
        if (inString) break;
        depth += 1;
        if (depth > most) return true;
        break;
      case 0x5d /* ] */:
      case 0x7d /* } */:
        if (!inString) depth -= 1;
        break;
    }
  }
  return false;
}
