import { testSeeds } from './seeds.ts'

testSeeds('beyond', 5)
