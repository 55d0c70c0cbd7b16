import { describe, ValueError } from './errors.js'
import {
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  type Initializer,
  lecunNormal,
  lecunUniform,
  normal,
  ones,
  uniform,
  xavierNormal,
  xavierUniform,
  zeros,
} from './init.js'

const NAMED = {
  zeros,
  ones,
  normal,
  uniform,
  lecunNormal,
  lecunUniform,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  xavierNormal,
  xavierUniform,
}
/** The initializers that have a name, with their defaults: heNormal is initializers.heNormal(). */
export type InitializerName = keyof typeof NAMED

export function resolveInitializer(op: string, wish: Initializer | InitializerName): Initializer {
  if (typeof wish === 'function') return wish
  if (typeof wish === 'string' && Object.hasOwn(NAMED, wish)) return NAMED[wish]()
  throw new ValueError(op, `an initializer or one of ${Object.keys(NAMED).join(', ')}`, describe(wish))
}
