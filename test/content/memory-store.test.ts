import { MemoryStore } from '../../src/content/memory-store.ts'
import { storeSuite } from './store.suite.ts'

storeSuite('a store in memory', () => Promise.resolve(new MemoryStore()))
