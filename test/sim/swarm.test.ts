import { testSeeds } from './seeds.ts'

testSeeds('swarm', 20)
