import { testSeeds } from './seeds.ts'

testSeeds('swarm', 30)
